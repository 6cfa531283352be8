"""Accounts, caps, egress, configurations, destroyed agents: what their pages refuse, and what they never say."""

import re
from pathlib import Path

import pytest

from hive_rpc.errors import ForbiddenError, TooLargeError, UnavailableError
from hive_rpc.types import Role
from hive_web.pages.agent_config import faulty_line
from tests.integration.test_web_desk import SECRET, arrange
from tests.support.dashboard import dashboard
from tests.support.fake_desk import PASSWORD
from tests.support.fake_offices import LOGIN_ADDRESS, LOGIN_CODE, RUNNING

NEW = {"name": "spare", "kind": "api_key", "secret": SECRET}


async def test_a_secret_is_in_no_answer_and_all_else_that_was_written_is_still_there(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        wrong = [
            ({"password": "wrong"}, 403, "The password is wrong."),
            ({"password": PASSWORD, "base_url": "http://models.example"}, 400, "The address has to be https."),
            ({"password": PASSWORD, "name": "No Name"}, 400, "Name"),
            ({"password": PASSWORD, "kind": "magic"}, 400, "Kind"),
            ({"password": PASSWORD, "secret": ""}, 400, "The key or the token is missing."),
        ]
        for fields, status, words in wrong:
            answer = await site.post("/accounts", NEW | fields)
            page = await answer.text()
            assert (answer.status, words in page) == (status, True), (fields, page)
            assert f'name="name" value="{fields.get("name", "spare")}"' in page, "what was written is kept"
            assert SECRET not in page
            assert PASSWORD not in page
            assert not any(SECRET in value for value in answer.headers.values())
        assert site.core.desk.done == []
        assert (await site.post("/accounts", NEW | {"password": PASSWORD})).headers["Location"] == "/accounts"
        assert SECRET not in await (await site.get("/accounts")).text()


async def test_a_refusal_stands_at_the_field_that_it_is_about(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        wrong = NEW | {"password": PASSWORD, "base_url": "http://models.example"}
        page = await (await site.post("/accounts", wrong)).text()
        field = next(part for part in page.split("<input")[1:] if 'name="base_url"' in part).split(">")[0]
        assert 'aria-invalid="true"' in field
        assert page.count("aria-invalid") == 1


async def test_a_login_shows_its_address_once_and_takes_the_code(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        refused = await site.post("/accounts/login", {"name": "default", "password": "wrong"})
        assert refused.status == 403
        assert LOGIN_ADDRESS not in await refused.text()
        begun = await site.post("/accounts/login", {"name": "default", "password": PASSWORD})
        page = await begun.text()
        assert f'href="{LOGIN_ADDRESS}"' in page
        assert "login_1" in page
        code = {"name": "default", "login": "login_1", "password": PASSWORD}
        again = await site.post("/accounts/login/code", code | {"code": "mistyped"})
        assert again.status == 400
        page = await again.text()
        assert "That is not a code." in page
        assert "login_1" in page, "it can be given once more"
        assert "mistyped" not in page
        done = await site.post("/accounts/login/code", code | {"code": f" {LOGIN_CODE} "})
        assert done.headers["Location"] == "/accounts"
        assert site.core.desk.done == [("begin_login", "default"), ("finish_login", "login_1")]


async def test_without_the_gateway_every_page_is_there_and_says_what_it_cannot_tell(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        site.core.desk.gateway = False
        for path in ("/", "/agent/worker/", "/approvals"):
            assert (await site.get(path)).status == 200, path
        for path in ("/spending", "/egress", "/agent/worker/egress"):
            answer = await site.get(path)
            assert answer.status == 200, path
            assert "hive-gateway is not connected." in await answer.text()
        assert "/stop-all" in await (await site.get("/spending")).text(), "the switch is core's"
        site.core.refusals["add_account"] = UnavailableError("hive-gateway is not connected.")
        refused = await site.post("/accounts", NEW | {"password": PASSWORD})
        assert refused.status == 503
        assert "hive-gateway is not connected." in await refused.text()
        assert SECRET not in await refused.text()


async def test_that_everything_is_stopped_stands_on_every_page_until_it_is_undone(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site, Role.OPERATOR)
        pages = ("/", "/agent/worker/", "/questions", "/jobs/job_1", "/spending", "/help")
        hidden = 'aria-label="Everything is stopped" hidden'
        for path in pages:
            assert hidden in await (await site.get(path)).text(), path
        await site.post("/stop-all", {"reason": "a leaked key"})
        for path in pages:
            page = await (await site.get(path)).text()
            assert "ada at 12:00 UTC, a leaked key" in page, path
            assert hidden not in page, path
            assert 'action="/resume-all"' in page, path
        assert "is stopped already" in await (await site.get("/stop-all")).text()
        site.sign_in(Role.VIEWER)
        page = await (await site.get("/")).text()
        assert "a leaked key" in page
        assert "/resume-all" not in page
        site.sign_in(Role.OPERATOR)
        await site.post("/resume-all", {"x": "y"})
        assert "a leaked key" not in await (await site.get("/")).text()


async def test_amounts_that_are_none_are_refused(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        for fields in ({"usd": "many"}, {"usd": "nan"}, {"usd": "-1"}, {"tokens": "1.5"}, {"tokens": "9" * 5000}):
            answer = await site.post("/spending/raise", {"scope": "agent", "name": "docs"} | fields)
            assert answer.status == 400, fields
        assert (await site.post("/spending/raise", {"scope": "everything", "usd": "1"})).status == 400
        assert site.core.desk.done == []


async def test_a_configuration_that_is_refused_comes_back_with_the_line_that_is_wrong(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        edit = {"config": 'model = "opus"\n\n[limits]\nwrong = 1\n', "base": RUNNING, "reason": "Because."}
        answer = await site.post("/agent/worker/config/edit", edit)
        page = await answer.text()
        assert answer.status == 400
        assert "limits.wrong is not a key that hive knows." in page
        assert "Line 4: <code>wrong = 1</code>" in page
        assert 'aria-invalid="true"' in page
        assert "[limits]\nwrong = 1" in page
        assert 'value="Because."' in page
        stale = await site.post("/agent/worker/config/edit", edit | {"config": "", "base": "1a" * 20})
        assert stale.status == 409
        assert "changed meanwhile" in await stale.text()
        assert site.core.desk.done == []
        asked = await site.post("/agent/worker/config/edit", edit | {"config": ""})
        assert asked.headers["Location"] == "/approvals/apr_2"


async def test_who_destroys_an_agent_is_told_how_it_comes_back(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        page = await (await site.get("/agent/worker/destroy")).text()
        assert 'an admin can revive it as it was, under <a href="/tombstones">' in page


async def test_a_configuration_that_is_too_long_comes_back_whole(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        site.core.refusals["edit_config"] = TooLargeError("agent.toml has 70000 bytes, and 65536 is the limit.")
        text = "# " + "x" * 69_998
        answer = await site.post("/agent/worker/config/edit", {"config": text, "base": RUNNING, "reason": ""})
        page = await answer.text()
        assert answer.status == 413
        assert "65536 is the limit" in page
        [field] = re.findall(r"<textarea [^>]*>\n([^<]*)</textarea>", page)
        assert field == text
        # Nor would a browser cut it.
        assert "maxlength" not in page[page.index("<textarea ") : page.index("</textarea>")]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("agent.toml is not TOML: Invalid value (at line 2, column 9).", (2, "drain = ")),
        ("agent.toml is not TOML: Invalid value (at line 99, column 9).", None),
        ("agent.toml: caps.day_usd: input should be a valid number.", (4, "day_usd = true")),
        ("agent.toml: mcp_servers.0.name: field required.", (1, 'name = "x"')),
        ("agent.toml: nothing of the kind", None),
        ("Something else.", None),
    ],
)
def test_the_line_that_a_refusal_is_about(message: str, line: tuple[int, str] | None) -> None:
    assert faulty_line('name = "x"\ndrain = \n[caps]\nday_usd = true', message) == line


async def test_an_update_of_inputs_is_an_approval_and_that_nothing_is_new_is_said_on_the_page(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        answer = await site.post("/inputs", {"input": "hive"})
        assert answer.status == 409
        assert "Nothing is new in hive." in await answer.text()
        assert (await site.post("/inputs", {"x": "y"})).headers["Location"] == "/approvals/apr_3"
        page = await (await site.get("/approvals/apr_3")).text()
        assert "hive is to be updated" in page
        assert f'title="{"d5" * 20}"' in page


async def test_what_is_left_of_an_agent_is_deleted_only_when_named_and_confirmed(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        for fields in ({"confirm": "other", "password": PASSWORD}, {"confirm": "scout", "password": "wrong"}):
            assert (await site.post("/tombstones/scout/purge", fields)).status in (400, 403)
        assert (await site.get("/tombstones/nobody/revive")).status == 404
        site.core.refusals["purge"] = ForbiddenError("control: core was asked")
        answer = await site.post("/tombstones/scout/purge", {"confirm": "scout", "password": PASSWORD})
        assert "control: core was asked" in await answer.text()
