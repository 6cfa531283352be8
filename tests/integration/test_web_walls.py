"""What keeps other sites, other names and hostile text out of the dashboard. Each wall has its positive control."""

from pathlib import Path
from typing import Any

import pytest

from hive_rpc.errors import ConflictError
from hive_rpc.types import (
    OPERATOR,
    AgentState,
    EventKind,
    Role,
    StateChange,
    ToolCall,
    ToolResult,
    Turn,
    TurnOutcome,
)
from tests.support.dashboard import Dashboard, dashboard

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7777*7777}}</textarea>\x1b[31m\u202e"
MUTATIONS = [
    ("/sign-in", {"name": "ada", "password": "correct horse"}),
    ("/sign-in/once", {}),
    ("/sign-out", {}),
    ("/agent/worker/messages", {"body": "hi"}),
    ("/agent/worker/stop", {}),
    ("/agent/worker/start", {}),
    ("/agent/worker/restart", {}),
    ("/spawn", {"name": "fresh"}),
]


def arrange(site: Dashboard) -> None:
    site.core.agent("worker")
    site.core.passwords["ada"] = ("correct horse", Role.ADMIN)
    site.core.invitations["once"] = ("ada", Role.ADMIN)
    site.sign_in()


def untouched(site: Dashboard) -> bool:
    core = site.core
    return not (core.sent or core.lives or core.spawned) and "once" in core.invitations and len(core.sessions) == 1


@pytest.mark.parametrize(("path", "fields"), MUTATIONS)
async def test_nothing_is_changed_for_another_site(tmp_path: Path, path: str, fields: dict[str, str]) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        foreign: list[dict[str, str]] = [
            {"Origin": "https://a.example", "Sec_Fetch_Site": "cross-site"},
            {"Origin": "https://a.example", "Sec_Fetch_Site": ""},
            {"Origin": "null"},
            {"Origin": ""},
            {"Origin": site.origin.replace("http", "https")},
            {"Origin": "http://127.0.0.1:1", "Sec_Fetch_Site": ""},  # a neighbour on another port
            {"Sec_Fetch_Site": "same-site"},
            {"Sec_Fetch_Site": "none"},
        ]
        for headers in foreign:
            assert (await site.post(path, fields, **headers)).status == 403, headers
        assert untouched(site)

        allowed = await site.post(path, fields)
        assert allowed.status == 303
        assert not untouched(site)


@pytest.mark.parametrize(
    "host", ["a.example", "a.example:80", "127.0.0.1.a.example", "", "[::1].a.example", "127.0.0.2"]
)
async def test_another_name_for_this_address_gets_nothing(tmp_path: Path, host: str) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        for path in ("/", "/sign-in", "/events?after=0", f"/static/{'0' * 16}/base.css"):
            answer = await site.get(path, headers={"Host": host})
            assert answer.status == 403
            assert "worker" not in await answer.text()
        assert (await site.get("/", headers={"Host": "localhost:1234"})).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/agent/worker/",
        "/agent/worker/stop",
        "/spawn",
        "/sign-in",
        "/sign-in/once",
        "/agent/nobody/",
        "/nothing",
        "/agent/worker/messages",
        "/agent/worker/event/1",
        "/agent/worker/event/999",
        "/session",
        "/static/0000000000000000/base.css",
        "/events",
        "/events?after=0",
        "/favicon.ico",
    ],
)
async def test_every_answer_carries_the_policy(tmp_path: Path, path: str) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        site.core.message(OPERATOR, "worker", "hi")
        for headers in ({}, {"Host": "a.example"}, {"Accept": "application/json"}):
            async with site.client.get(path, headers=headers, allow_redirects=False) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'self'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "require-trusted-types-for 'script'" in policy
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-store"


async def test_static_files_are_kept_for_good_and_only_under_their_own_address(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        page = await (await site.get("/sign-in")).text()
        address = page.split('href="')[1].split('"')[0]
        answer = await site.get(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert "Content-Security-Policy" in answer.headers
        version = address.split("/")[2]
        for path in (
            f"/static/{version}/nothing.css",
            f"/static/{version}/..%2f__init__.py",
            f"/static/{version}/../__init__.py",
            "/static/0000000000000000/base.css",
        ):
            assert (await site.get(path)).status == 404


async def test_pages_hold_no_inline_script_or_style(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        for path in ("/", "/agent/worker/", "/spawn", "/sign-in", "/nothing"):
            page = await (await site.get(path)).text()
            assert "<style" not in page
            assert "style=" not in page
            assert "onclick" not in page
            assert page.count("<script") == page.count("<script src=") + page.count('<script type="module" src=')


def poison(site: Dashboard) -> None:
    """Put the hostile text into every field that an agent, or its configuration, can choose."""
    core = site.core
    core.hive = core.hive.model_copy(
        update={"name": HOSTILE, "version": HOSTILE, "model_backend": HOSTILE, "stand_in": True}
    )
    turn = Turn(id=HOSTILE, started_at=core.clock.now(), wake_reason=HOSTILE)
    core.agent(
        "worker",
        AgentState.FAILED,
        reason=HOSTILE,
        machine=HOSTILE,
        model=HOSTILE,
        last_turn=turn,
        capabilities=[HOSTILE],
    )
    core.agent(HOSTILE, AgentState.NEEDS_LOGIN, reason=HOSTILE)
    core.message(HOSTILE, "worker", HOSTILE, redelivered=True, redelivery_reason=HOSTILE, in_reply_to=HOSTILE)
    core.message("worker", HOSTILE, f"```\n{HOSTILE}\n```\n- {HOSTILE}\n**{HOSTILE}**")
    tell: dict[str, Any] = {"agent": "worker", "turn_id": HOSTILE}
    core.emit(EventKind.TURN_STARTED, turn=turn, **tell)
    core.emit(EventKind.TEXT, text=HOSTILE, **tell)
    core.emit(EventKind.THINKING, text=HOSTILE, **tell)
    call = ToolCall(id=HOSTILE, name=HOSTILE, input={HOSTILE: HOSTILE, "command": HOSTILE})
    core.emit(EventKind.TOOL_CALL, tool_call=call, **tell)
    core.emit(EventKind.TOOL_RESULT, tool_result=ToolResult(id=HOSTILE, content=HOSTILE, is_error=True), **tell)
    ended = turn.model_copy(
        update={"outcome": TurnOutcome.CRASHED, "error": HOSTILE, "model": HOSTILE, "ended_at": core.clock.now()}
    )
    core.emit(EventKind.TURN_ENDED, turn=ended, **tell)
    core.emit(EventKind.NOTICE, text=HOSTILE, **tell)
    change = StateChange(state=AgentState.FAILED, since=core.clock.now(), reason=HOSTILE)
    core.emit(EventKind.STATE, state=change, **tell)


@pytest.mark.parametrize("path", ["/", "/agent/worker/", "/agent/worker/restart", "/spawn", "/sign-in", "/nothing"])
async def test_hostile_text_stays_text_on_every_page(tmp_path: Path, path: str) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in(name=HOSTILE)
        poison(site)
        page = await (await site.get(path)).text()
        assert "&lt;script&gt;alert(1)" in page  # it is shown
        for live in ("<script>alert", "<img src=x", "</textarea>\\x1b", "60481729", "\x1b", "\u202e"):
            assert live not in page, live
        assert page.count("<script") == page.count("<script src=") + page.count('<script type="module" src=')
        assert 'onerror="' not in page
        assert page.count("<textarea") == page.count("</textarea>")


async def test_hostile_text_stays_text_in_a_download(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        event = site.core.emit(EventKind.TEXT, "worker", turn_id="t", text=HOSTILE)
        answer = await site.get(f"/agent/worker/event/{event}")
        assert answer.content_type == "text/plain"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert await answer.text() == HOSTILE


async def test_hostile_text_stays_text_in_an_error(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        site.core.refusals["send"] = ConflictError(HOSTILE, hint=HOSTILE)
        page = await (await site.post("/agent/worker/messages", {"body": "hi"})).text()
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        spawned = await (await site.post("/spawn", {"name": HOSTILE, "config": HOSTILE})).text()
        assert "<script>alert" not in spawned
        assert "&lt;/textarea&gt;" in spawned


@pytest.mark.parametrize("name", ["..%2f..", "%00", "a%0d%0aSet-Cookie:x=y", "%ff%fe", "x" * 3000])
async def test_a_strange_name_in_an_address_is_simply_not_found(tmp_path: Path, name: str) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        answer = await site.get(f"/agent/{name}/")
        assert answer.status in (400, 404)
        assert "Set-Cookie" not in answer.headers


async def test_a_viewer_sees_everything_and_can_change_nothing(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        site.core.agent("broken", AgentState.FAILED)
        site.sign_in(Role.VIEWER, "vic")
        for path in ("/", "/agent/worker/"):
            page = await (await site.get(path)).text()
            assert "worker" in page
            for control in ("data-confirm", 'type="checkbox"', 'href="/spawn"', 'id="composer"'):
                assert control not in page
        for path, fields in MUTATIONS:
            if not path.startswith("/sign"):
                assert (await site.post(path, fields)).status == 403, path
        for path in ("/spawn", "/agent/worker/stop"):
            assert (await site.get(path)).status == 403
        assert not (site.core.sent)
        assert not (site.core.lives)
        assert not (site.core.spawned)

        site.sign_in(Role.OPERATOR, "ada")
        page = await (await site.get("/")).text()
        assert 'type="checkbox"' in page
        assert 'href="/spawn"' in page
        assert "data-confirm" in await (await site.get("/agent/worker/")).text()


async def test_a_link_from_another_site_is_followed_with_the_session(tmp_path: Path) -> None:
    """The Strict cookie is not sent with it; a page of our own then asks again, and with that it is."""
    async with dashboard(tmp_path) as site:
        site.core.agent("worker")
        answer = await site.get("/agent/worker/", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status == 200
        assert '<meta http-equiv="refresh" content="0; url=/agent/worker/">' in await answer.text()
        again = await site.get("/agent/worker/", headers={"Sec-Fetch-Site": "same-origin"})
        assert again.headers["Location"] == "/sign-in?next=/agent/worker/"
        elsewhere = await site.client.session.get(
            f"{site.origin}//a.example/", headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert "url=//" not in await elsewhere.text()


async def test_a_body_over_the_limit_is_refused(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        answer = await site.post("/agent/worker/messages", {"body": "x" * 600_000})
        assert answer.status == 413
        assert site.core.sent == []


async def test_what_is_no_form_is_refused(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        arrange(site)
        headers = {"Origin": site.origin, "Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"}
        answer = await site.client.post("/agent/worker/messages", data=b"body=hi", headers=headers)
        assert answer.status == 400
        assert site.core.sent == []


async def test_a_mistake_of_ours_tells_no_details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    async with dashboard(tmp_path) as site:
        arrange(site)
        monkeypatch.setattr("hive_web.pages.room.frame_values", broken)
        answer = await site.get("/")
        assert answer.status == 500
        assert "secret detail" not in await answer.text()
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
