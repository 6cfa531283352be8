"""The other pages, and what can be done on them, without scripts: each does exactly what it says, for whom it may."""

import json
from pathlib import Path
from typing import Any

import pytest

from hive_rpc.accounts import AccountKind, Scope
from hive_rpc.commands import AgentCommandKind
from hive_rpc.interfaces.operator.files import FileEntry, FileKind
from hive_rpc.types import OPERATOR, Role
from hive_web.readable import readable
from tests.integration.test_web_walls import HOSTILE
from tests.support import demo_hive
from tests.support.dashboard import Dashboard, dashboard, events
from tests.support.fake_desk import PASSWORD
from tests.support.fake_offices import LOGIN_CODE, RUNNING

SECRET = "sk-ant-a-secret-that-nobody-sees-again"

PAGES = {
    "/messages": "Shall it open the change for review?",
    "/messages?q=report": "October report",
    "/messages?q=nothing-like-it": "Nothing found",
    "/messages?one=worker&other=manager": "billing/",
    "/messages/msg_3": "Reply to",
    "/questions": "Leave it for now",
    "/approvals": "night-shift",
    "/approvals/apr_1": "claude-opus-4-5",
    "/jobs": "gets another configuration",
    "/jobs?agent=docs": "Jobs of docs",
    "/jobs/job_1": "Draining docs, then switching it.",
    "/restart-all": "The managers first",
    "/spending": "of $5.00",
    "/stop-all": "no request to a model goes out",
    "/accounts": "invalid x-api-key",
    "/egress": "169.254.169.254",
    "/inputs": "github:NixOS/nixpkgs/nixos-26.05",
    "/tombstones": "scout",
    "/tombstones/scout/revive": "Revive scout?",
    "/dead-letters": "Its container ended while it worked on it.",
    "/reminders": "Look at the nightly build.",
    "/system": "hive restart migrations",
    "/audit": "203.0.113.7",
    "/operators": "vic",
    "/help": "Keyboard",
    "/agent/worker/inbox": "Yes, open it.",
    "/agent/worker/stats": "Cache hit rate",
    "/agent/worker/stats?span=30d": "30 days",
    "/agent/worker/files/": "state",
    "/agent/worker/files/state": "notes.md",
    "/agent/worker/files/state/notes.md": "billing/window.py",
    "/agent/worker/files/shared/report.pdf": "Not text",
    "/agent/worker/log": "The API answered 529",
    "/agent/worker/config": "Let it reach GitHub and PyPI",
    f"/agent/worker/config/diff?old={'1a' * 20}&new={'9b' * 20}": "claude-opus-4-5",
    "/agent/worker/config/edit": "memory_mib = 4096",
    "/agent/worker/egress": "*.pypi.org:443",
    "/agent/worker/decisions": "Going on costs least",
    "/agent/worker/destroy": "Destroy worker?",
    "/agents?verb=stop&agent=worker": "Stop worker?",
}


ONLY_FORMS = (
    "/agent/worker/destroy",
    "/agent/worker/config/edit",
    "/agents",
    "/restart-all",
    "/stop-all",
    "/tombstones/",
)


def arrange(site: Dashboard, role: Role = Role.ADMIN) -> None:
    demo_hive.populate(site.core)
    site.sign_in(role)


async def test_each_page_shows_what_it_is_for(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        for path, words in PAGES.items():
            answer = await site.get(path)
            page = await answer.text()
            assert answer.status == 200, page
            assert words in page, path
            assert 'aria-label="Pages"' in page, path
            assert "<title>(" in page, "what waits is in every title"


async def test_a_viewer_may_look_at_every_page_and_finds_no_form_but_for_what_is_their_own(tmp_path: Path) -> None:
    own = ("/sign-out", "/password", "/messages", "/sessions/")
    async with dashboard(tmp_path) as site:
        arrange(site, Role.VIEWER)
        for path in PAGES:
            if path.startswith(ONLY_FORMS):
                assert (await site.get(path)).status == 403, path
                continue
            page = (await (await site.get(path)).text()).split("<main")[1].split("</main>")[0]
            for form in page.split("<form")[1:]:
                action = form.split(">")[0].split('action="')[1].split('"')[0]
                assert action.startswith(own), (path, action)


async def test_an_old_core_without_these_methods_still_has_its_pages(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        bare = ("/questions", "/approvals", "/jobs", "/egress", "/tombstones", "/inputs")
        for path in ("/", "/agent/worker/", "/agent/worker/config", "/agent/worker/egress", *bare):
            answer = await site.get(path)
            assert answer.status == 200, path
            assert 'class="empty"' in await answer.text()


ACTIONS: list[tuple[str, dict[str, str], tuple[Any, ...], Role]] = [
    (
        "/agent/worker/command",
        {"kind": "model", "value": "opus"},
        ("command_agent", "worker", AgentCommandKind.MODEL, "opus"),
        Role.OPERATOR,
    ),
    ("/questions/qst_1/answer", {"choice": "Leave it for now", "answer": "later"},
     ("answer_question", "qst_1", "later", ["Leave it for now"]), Role.OPERATOR),
    ("/questions/qst_2/cancel", {"x": "y"}, ("cancel_question", "qst_2"), Role.OPERATOR),
    ("/approvals/apr_1/approve", {"note": "Fine."}, ("approve", "apr_1", "Fine."), Role.OPERATOR),
    ("/approvals/apr_1/deny", {"note": "Too dear."}, ("deny", "apr_1", "Too dear."), Role.OPERATOR),
    ("/dead-letters", {"id": "msg_9", "verb": "resend"}, ("resend_dead_letters", ["msg_9"]), Role.OPERATOR),
    ("/dead-letters", {"id": "msg_9", "verb": "drop"}, ("drop_dead_letters", ["msg_9"]), Role.OPERATOR),
    ("/reminders/rem_1/cancel", {"x": "y"}, ("cancel_reminder", "rem_1"), Role.OPERATOR),
    ("/reminders/rem_2/retry", {"x": "y"}, ("retry_reminder", "rem_2"), Role.OPERATOR),
    ("/agent/worker/destroy", {"confirm": "worker", "password": PASSWORD, "purge": "yes"},
     ("purge", "worker"), Role.ADMIN),
    ("/agent/worker/destroy", {"confirm": "worker"}, ("destroy", "worker"), Role.OPERATOR),
    ("/operators/vic/role", {"role": "operator", "password": PASSWORD},
     ("set_role", "vic", Role.OPERATOR), Role.ADMIN),
    ("/operators/vic/remove", {"confirm": "vic", "password": PASSWORD}, ("remove_operator", "vic"), Role.ADMIN),
    ("/sessions/ses_2/revoke", {"x": "y"}, ("revoke_session", "ses_2"), Role.VIEWER),
    ("/accounts", {"name": "spare", "kind": "api_key", "secret": f" {SECRET}\n", "password": PASSWORD},
     ("add_account", "spare", AccountKind.API_KEY, SECRET, None), Role.ADMIN),
    ("/accounts/nightly/remove", {"confirm": "nightly", "password": PASSWORD},
     ("remove_account", "nightly"), Role.ADMIN),
    ("/accounts/nightly/use", {"agent": "docs", "password": PASSWORD}, ("use_account", "docs", "nightly"), Role.ADMIN),
    ("/accounts/login/code", {"name": "default", "login": "login_1", "code": LOGIN_CODE, "password": PASSWORD},
     ("finish_login", "login_1"), Role.ADMIN),
    ("/spending/raise", {"scope": "agent", "name": "docs", "usd": "2.5"},
     ("raise_cap", Scope.AGENT, "docs", 2.5, 0), Role.OPERATOR),
    ("/spending/caps", {"scope": "hive", "hour_usd": "5", "day_tokens": "1000000", "password": PASSWORD},
     ("set_caps", Scope.HIVE, "", {"hour_usd": 5.0, "day_tokens": 1_000_000}), Role.ADMIN),
    ("/stop-all", {"reason": "a leaked key"}, ("stop_all", "a leaked key"), Role.OPERATOR),
    ("/resume-all", {"x": "y"}, ("resume_all",), Role.OPERATOR),
    ("/jobs/job_2/cancel", {"x": "y"}, ("cancel_job", "job_2"), Role.OPERATOR),
    ("/restart-all", {"reason": "a new kernel"}, ("restart_all", "a new kernel"), Role.OPERATOR),
    ("/agent/worker/config/edit", {"config": 'model = "opus"\r\n', "base": RUNNING, "reason": "Larger."},
     ("edit_config", "worker", 'model = "opus"\n', "Larger."), Role.OPERATOR),
    ("/inputs", {"input": "nixpkgs", "reason": "Security."}, ("update_inputs", ["nixpkgs"]), Role.OPERATOR),
    ("/tombstones/scout/revive", {"x": "y"}, ("revive", "scout"), Role.ADMIN),
    ("/password", {"new_password": "a better password", "again": "a better password", "password": PASSWORD},
     ("change_password", "a better password"), Role.VIEWER),
]  # fmt: skip


@pytest.mark.parametrize(("path", "fields", "done", "role"), ACTIONS, ids=[f"{a[0]} {a[2][0]}" for a in ACTIONS])
async def test_an_action_does_what_it_says_once_and_for_nobody_below_its_role(
    tmp_path: Path, path: str, fields: dict[str, str], done: tuple[Any, ...], role: Role
) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site, role)
        for headers in ({"Origin": "https://a.example", "Sec_Fetch_Site": "cross-site"}, {"Origin": ""}):
            assert (await site.post(path, fields, **headers)).status == 403
        for lower in [r for r in Role if not r.includes(role)]:
            site.sign_in(lower)
            assert (await site.post(path, fields)).status == 403, lower
        assert site.core.desk.done == []
        site.sign_in(role)
        answer = await site.post(path, fields)
        assert answer.status == 303, await answer.text()
        assert site.core.desk.done == [done]


CONFIRMED = [
    "/agent/worker/destroy",
    "/operators/vic/remove",
    "/operators/vic/role",
    "/accounts",
    "/accounts/nightly/remove",
    "/accounts/nightly/use",
    "/accounts/login/code",
    "/spending/caps",
    "/password",
]


@pytest.mark.parametrize("path", CONFIRMED)
async def test_without_the_password_nothing_is_done(tmp_path: Path, path: str) -> None:
    fields = next(a[1] for a in ACTIONS if a[0] == path)
    async with dashboard(tmp_path) as site:
        arrange(site)
        for password in ("", "wrong"):
            assert (await site.post(path, fields | {"password": password})).status == 403
        for second in ("confirm", "again"):
            if second in fields:
                assert (await site.post(path, fields | {second: "another"})).status == 400
        assert site.core.desk.done == []


async def test_an_invitation_is_shown_once_and_is_in_no_address(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        answer = await site.post("/operators/invite", {"name": "new", "role": "operator", "password": PASSWORD})
        assert answer.status == 200
        assert "http://hive/sign-in/once-only" in await answer.text()
        assert "once-only" not in await (await site.get("/operators")).text()
        refused = await site.post("/operators/invite", {"name": "new", "role": "emperor", "password": PASSWORD})
        assert refused.status == 400


async def test_several_agents_are_named_before_anything_is_done(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site, Role.OPERATOR)
        body = "agent=worker&agent=docs&verb=stop"
        headers = {
            "Origin": site.origin,
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded",
        }

        async def post(form: str) -> Any:
            return await site.client.post("/agents", data=form, headers=headers, allow_redirects=False)

        asked = await post(body)
        assert asked.headers["Location"] == "/agents?verb=stop&agent=worker&agent=docs"
        assert site.core.lives == []
        assert (await post("verb=stop&confirmed=yes")).status == 400
        assert (await post("verb=destroy&agent=worker&confirmed=yes")).status == 400
        assert (await post(body + "&agent=nobody&confirmed=yes")).status == 404
        assert site.core.lives == []
        assert (await post(body + "&confirmed=yes")).status == 303
        assert sorted(site.core.lives) == [("stop", "docs"), ("stop", "worker")]


async def test_a_message_of_any_age_has_an_address_of_its_own(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        for number in range(400):
            site.core.message(OPERATOR, "worker", f"number {number} " + "x" * 30_000 * (number == 0))
        page = await (await site.get("/messages/msg_1")).text()
        assert 'id="message-msg_1"' in page
        assert "number 0 " in page
        whole = await site.get("/messages/msg_1/text")
        assert (whole.content_type, len(await whole.text())) == ("text/plain", 30_009)
        assert (await site.get("/messages/msg_999")).status == 404


async def test_a_file_is_text_or_a_download_and_never_a_page(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        site.core.desk.files["state/x.html"] = HOSTILE.encode()
        site.core.desk.files['state/é"\r\nX: y.bin'] = b"\0" * 600_000
        shown = await (await site.get("/agent/worker/files/state/x.html")).text()
        assert "&lt;script&gt;alert(1)" in shown
        assert "<script>alert" not in shown
        answer = await site.get("/agent/worker/download/state/x.html")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''x.html"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert await answer.read() == HOSTILE.encode()
        odd = await site.get("/agent/worker/download/state/%C3%A9%22%0D%0AX%3A%20y.bin")
        assert "X" not in odd.headers
        assert len(await odd.read()) == 600_000
        assert (await site.get("/agent/worker/download/state/nothing")).status == 404


async def test_names_of_files_are_only_names(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        site.core.desk.files = {f"state/{HOSTILE}": b"x", "state/a b?c#d%2e": b"found"}
        site.core.desk.entries = [FileEntry(name=HOSTILE, kind=FileKind.LINK, readable=False)]
        page = await (await site.get("/agent/worker/files/state")).text()
        assert "<script>alert" not in page
        href = next(part.split('"')[0] for part in page.split('href="') if "a%20b" in part.split('"')[0])
        assert "found" in await (await site.get(href)).text()


async def test_hostile_text_stays_text_on_the_other_pages(tmp_path: Path) -> None:
    """Every string of what these pages show is replaced, field by field."""
    async with dashboard(tmp_path) as site:
        arrange(site)
        desk = site.core.desk
        for name, kept in (("questions", {"id", "addressee"}), ("approvals", {"id"}), ("jobs", {"id"}),
                           ("reminders", {"id", "agent"}), ("log", set()), ("audit", set()), ("checks", set()),
                           ("operators", set()), ("signed_in", set()), ("egress", {"agent"}), ("commits", set()),
                           ("inputs", set()), ("tombstones", {"agent"})):  # fmt: skip
            items = [poisoned(item, kept) for item in getattr(desk, name)]
            setattr(desk, name, items)
        desk.accounts = [
            status.model_copy(update={"account": poisoned(status.account, {"name"}), "agents": [HOSTILE]})
            for status in desk.accounts
        ]
        assert desk.spending is not None
        desk.spending = desk.spending.model_copy(
            update={
                "spending": [poisoned(spent, set()) for spent in desk.spending.spending],
                "holds": [poisoned(hold, {"name"}) for hold in desk.spending.holds],
            }
        )
        site.core.holds = [poisoned(hold, set()) for hold in site.core.holds]
        site.core.hive = site.core.hive.model_copy(update={"stopped": HOSTILE})
        desk.job_log = HOSTILE
        desk.diff = f"diff --git a/x b/x\n@@ -1 +1 @@\n-{HOSTILE}\n+{HOSTILE}"
        desk.warnings = [HOSTILE]
        desk.config = f"egress = [{json.dumps(HOSTILE, ensure_ascii=False)}]"
        for path in PAGES:
            page = await (await site.get(path)).text()
            for live in ("<script>alert", "<img src=x", "\x1b", "\u202e"):
                assert live not in page, (path, live)
            assert page.count("<textarea") == page.count("</textarea>"), path
        assert readable("<script>") == "<script>", "escaping is the template's"


def poisoned(item: Any, kept: set[str]) -> Any:
    fields = type(item).model_fields
    texts = [n for n in fields if isinstance(getattr(item, n), str) and not hasattr(getattr(item, n), "value")]
    return item.model_copy(update={name: HOSTILE for name in texts if name not in kept})


async def test_metrics_are_for_a_token_and_not_for_a_cookie(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        token = site.sign_in(Role.VIEWER)
        for given in (
            {},
            {"Authorization": "Bearer forged"},
            {"Authorization": token},
            {"Authorization": f"Basic {token}"},
        ):
            answer = await site.get("/metrics", headers=given)
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        answer = await site.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        assert "hive_messages_sent_total 3.0" in await answer.text()


async def test_what_a_page_asks_on_its_own_is_said_to_be_that(tmp_path: Path) -> None:
    """Else a forgotten tab would keep its session from ever falling idle."""
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.asked.clear()
        async with events(site, "after=0") as stream:
            await stream.until("lists")
        requests = list(site.core.asked)
        assert requests
        assert all(request.background for request in requests)
