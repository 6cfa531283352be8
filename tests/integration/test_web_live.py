"""The live stream of a page: nothing missed, nothing doubled, whatever restarts."""

import re
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from hive_core.api.authority import RECHECK_SECONDS
from hive_rpc.types import OPERATOR, AgentState, EventKind, Role, ToolCall, ToolResult, TurnOutcome
from hive_web.feed import Pace
from tests.support import demo_hive
from tests.support.dashboard import AT_ONCE, dashboard, events
from tests.support.fake_desk import PASSWORD
from tests.support.manual_clock import ManualClock


async def test_a_stream_begins_with_how_things_are(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker", AgentState.FAILED)
        site.core.agent("docs")
        async with events(site, "after=0") as stream:
            hive = await stream.until("hive")
            assert hive.data["hive"]["waiting"] == 1
            lists = (await stream.until("lists")).data["lists"]
            assert [item["agent"] for item in lists["waiting"]["changed"]] == ["worker"]
            assert lists["agents"]["keys"] == ["worker", "docs"]
            assert [agent["state_words"] for agent in lists["agents"]["changed"]] == ["Failed", "Idle"]


async def test_a_page_that_is_up_to_date_is_told_nothing_twice(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        page = await (await site.get("/")).text()
        digest = page.split('data-digest="')[1].split('"')[0]
        async with events(site, f"after=0&digest={digest}") as stream:
            await stream.until("hive")
            site.core.change("worker", AgentState.PARKED)
            lists = (await stream.until("lists")).data["lists"]
            assert list(lists) == ["agents"]
            assert [agent["state"] for agent in lists["agents"]["changed"]] == ["parked"]


async def test_a_change_of_state_is_told_for_that_agent_alone(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.agent("docs")
        async with events(site, "after=0") as stream:
            await stream.until("lists")
            site.core.change("worker", AgentState.PARKED, reason="usage limit")
            agents = (await stream.until("lists")).data["lists"]["agents"]
            (changed,) = agents["changed"]
            assert (changed["key"], changed["state"], changed["line"]) == ("worker", "parked", "usage limit")


async def test_an_agent_that_is_created_or_destroyed_changes_the_list(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "after=0") as stream:
            await stream.until("lists")
            site.core.agent("fresh")
            site.core.change("fresh", AgentState.STARTING)
            assert (await stream.until("lists")).data["lists"]["agents"]["keys"] == ["worker", "fresh"]
            del site.core.agents["fresh"]
            site.core.emit(EventKind.NOTICE, "worker", text="x")
            gone = (await stream.until("lists")).data["lists"]["agents"]
            assert (gone["keys"], gone["changed"]) == (["worker"], [])


async def test_a_thread_is_one_conversation_that_grows(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.agent("manager")
        async with events(site, "after=0") as stream:
            await stream.until("lists")
            site.core.message("manager", "worker", "hello")
            site.core.message("worker", "manager", "hello back", in_reply_to="msg_1")
            site.core.message("manager", OPERATOR, "another matter")
            while True:
                lists = (await stream.until("lists")).data["lists"]
                if lists.get("conversations", {}).get("keys") == ["msg_3", "msg_1"]:
                    break
            (thread,) = [view for view in lists["conversations"]["changed"] if view["key"] == "msg_1"]
            assert (thread["count"], thread["text"]) == (2, "hello back")


async def test_a_turn_streams_to_its_agents_page_in_order(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        core = site.core
        site.sign_in()
        core.agent("worker")
        core.agent("docs")
        async with events(site, f"agent=worker&after={core.cursor}") as stream:
            await stream.until("agent")
            turn = core.begin_turn("worker", "turn_1")
            core.emit_delta("docs", "turn_9", "not for this page")
            core.emit_delta("worker", "turn_1", "6*7 ")
            core.emit_delta("worker", "turn_1", "is 42")
            core.emit(EventKind.TEXT, "worker", turn_id="turn_1", text="6*7 is 42")
            call = ToolCall(id="t1", name="mcp__hive__send", input={"to": "operator"})
            core.emit(EventKind.TOOL_CALL, "worker", turn_id="turn_1", tool_call=call)
            core.emit(EventKind.TOOL_RESULT, "worker", turn_id="turn_1", tool_result=ToolResult(id="t1", content="ok"))
            core.message("worker", OPERATOR, "42")
            core.end_turn("worker", turn, outcome=TurnOutcome.OK)
            seen: list[str] = []
            while "turn:Done" not in seen:
                frame = await stream.next()
                if frame.event == "delta":
                    seen.append(frame.data["text"])
                elif frame.event == "timeline":
                    seen.append(f"{frame.data['kind']}:{frame.data['view'].get('outcome', '')}".strip(":"))
            assert seen == ["turn", "6*7 ", "is 42", "step", "step", "result", "message", "turn:Done"]


async def test_a_browser_that_reconnects_gets_exactly_what_it_missed(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "agent=worker&after=0") as stream:
            await stream.until("agent")
            site.core.emit(EventKind.NOTICE, "worker", text="one")
            last = (await stream.until("timeline")).id
        for text in ("two", "three"):
            site.core.emit(EventKind.NOTICE, "worker", text=text)
        async with events(site, "agent=worker&after=0", Last_Event_ID=str(last)) as stream:
            two, three = await stream.until("timeline"), await stream.until("timeline")
            assert (two.data["view"]["text"], three.data["view"]["text"]) == ("two", "three")
            assert (two.id, three.id) == (last + 1, site.core.cursor)


async def test_a_page_hears_what_happened_since_it_was_made(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.emit(EventKind.NOTICE, "worker", text="on the page")
        page = await (await site.get("/agent/worker/")).text()
        cursor = page.split('id="main"')[1].split('data-cursor="')[1].split('"')[0]
        site.core.emit(EventKind.NOTICE, "worker", text="in between")
        async with events(site, f"agent=worker&after={cursor}") as stream:
            frame = await stream.until("timeline")
            assert frame.data["view"]["text"] == "in between"


async def test_ids_only_go_up(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "agent=worker&after=0") as stream:
            ids = []
            for number in range(5):
                site.core.emit(EventKind.NOTICE, "worker", text=str(number))
                ids.append((await stream.until("timeline")).id)
            assert ids == sorted(set(ids))  # type: ignore[type-var]


async def test_a_gap_that_cannot_be_filled_says_to_load_the_page_again(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        for _ in range(3):
            site.core.emit(EventKind.NOTICE, "worker", text="old")
        site.core.forget_events()
        async with events(site, "agent=worker&after=1") as stream:
            assert (await stream.until("reset")).id == site.core.cursor


async def test_an_id_that_core_never_gave_says_so_too_whoever_else_is_looking(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "agent=worker&after=0") as other:
            await other.until("agent")
            async with events(site, "agent=worker&after=999") as stream:
                assert (await stream.until("reset")).id == site.core.cursor


async def test_a_stream_outlives_a_restart_of_core_and_misses_nothing(tmp_path: Path) -> None:
    async with dashboard(tmp_path, real_time=True) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "agent=worker&after=0") as stream:
            await stream.until("agent")
            site.core.change("worker", AgentState.PAUSED)
            await stream.until("timeline")
            await stream.until("agent")
            await site.core.stop()
            away = await stream.until("core")
            assert away.data == {"reachable": False}
            site.core.emit(EventKind.NOTICE, "worker", text="meanwhile")
            site.core.agent("worker", AgentState.STOPPED)
            await site.core.start(site.socket)
            assert (await stream.until("core")).data == {"reachable": True}
            frame = await stream.until("timeline")
            assert frame.data["view"]["text"] == "meanwhile"
            assert (await stream.until("agent")).data["agent"]["state"] == "stopped"


async def test_silence_is_broken_by_comments(tmp_path: Path) -> None:
    pace = Pace(refresh_apart=0, refresh_every=60, recheck=60, heartbeat=0.01, retry=0.01)
    async with dashboard(tmp_path, pace=pace, real_time=True) as site:
        site.sign_in()
        async with events(site, "after=0") as stream:
            await stream.until("lists")
            assert await stream.block() == ": still here"
            assert await stream.block() == ": still here"


async def test_what_has_no_event_is_looked_at_now_and_then(tmp_path: Path) -> None:
    pace = Pace(refresh_apart=0, refresh_every=0.01, recheck=60, heartbeat=60, retry=0.01)
    async with dashboard(tmp_path, pace=pace, real_time=True) as site:
        site.sign_in()
        async with events(site, "after=0") as stream:
            await stream.until("lists")
            site.core.hive = site.core.hive.model_copy(update={"stand_in": True})
            assert (await stream.until("hive")).data["hive"]["stand_in"] is True


async def test_the_end_of_the_session_ends_the_stream(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        async with events(site, "after=0") as stream:
            await stream.until("lists")
            site.core.sign_out_everybody()
            await stream.until("signed-out")
        answer = await site.get("/events?after=0", headers={"Accept": "text/event-stream"})
        assert answer.status == 401


def test_no_stream_outlives_its_session_by_more_than_the_documented_five_seconds() -> None:
    assert Pace().recheck == RECHECK_SECONDS == 5


async def test_a_stream_needs_a_session_and_a_place_to_begin(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        headers = {"Accept": "text/event-stream"}
        assert (await site.get("/events?after=0", headers=headers)).status == 401
        site.sign_in(Role.VIEWER)
        for query in ("", "?after=x", "?after=-1", f"?after={'9' * 40}"):
            assert (await site.get(f"/events{query}", headers=headers)).status == 400


async def test_hostile_text_cannot_break_out_of_a_frame(tmp_path: Path) -> None:
    hostile = "a\n\nevent: reset\ndata: {}\r\n\r\nid: 7\x00\u2028\x1b[2J"
    async with dashboard(tmp_path, pace=AT_ONCE) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "agent=worker&after=0") as stream:
            await stream.until("agent")
            site.core.emit_delta("worker", hostile, hostile)
            site.core.emit(EventKind.TEXT, "worker", turn_id="t", text=hostile)
            delta = await stream.next()
            assert (delta.event, delta.data["text"][:15]) == ("delta", "a\n\nevent: reset")
            assert (await stream.next()).event == "timeline"


async def test_many_pages_are_one_watch_at_core(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site, AsyncExitStack() as stack:
        site.sign_in()
        site.core.agent("worker")
        pages = [await stack.enter_async_context(events(site, "agent=worker&after=0")) for _ in range(20)]
        for page in pages:
            await page.until("agent")
        assert site.core.watching == 1
        site.core.emit(EventKind.NOTICE, "worker", text="news")
        for page in pages:
            assert (await page.until("timeline")).data["view"]["text"] == "news"


async def test_a_page_that_is_older_than_the_shared_watch_gets_what_it_missed(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        for text in ("one", "two"):
            site.core.emit(EventKind.NOTICE, "worker", text=text)
        async with events(site, "agent=worker&after=2") as young, events(site, "agent=worker&after=0") as old:
            await young.until("agent")
            seen = [(await old.until("timeline")).data["view"]["text"] for _ in range(2)]
            site.core.emit(EventKind.NOTICE, "worker", text="three")
            seen.append((await old.until("timeline")).data["view"]["text"])
            assert seen == ["one", "two", "three"]
            assert (await young.until("timeline")).data["view"]["text"] == "three"


async def test_a_page_that_has_half_of_what_came_at_once_is_told_the_other_half(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        numbers = [site.core.emit(EventKind.NOTICE, "worker", text=text) for text in ("one", "two", "three")]
        async with events(site, "agent=worker&after=0") as first:
            for text in ("one", "two", "three"):
                assert (await first.until("timeline")).data["view"]["text"] == text
            async with events(site, f"agent=worker&after={numbers[0]}") as second:
                for text in ("two", "three"):
                    assert (await second.until("timeline")).data["view"]["text"] == text


async def test_a_page_that_is_newer_than_the_shared_look_is_not_told_how_it_was_before(tmp_path: Path) -> None:
    """It would load itself again, to show the same."""
    seldom = Pace(refresh_apart=60, refresh_every=60, recheck=60, heartbeat=60, retry=0.01)
    async with dashboard(tmp_path, pace=seldom) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "after=0") as old:
            before = (await old.until("hive")).data["stamps"]
            demo_hive.populate(site.core)
            page = await (await site.get("/questions")).text()
            stamp = page.split('data-place="questions"')[1].split('data-stamp="')[1].split('"')[0]
            assert stamp != before["questions"]
            async with events(site, "after=0") as new:
                assert (await new.until("hive")).data["stamps"]["questions"] == stamp
            assert (await old.until("hive")).data["stamps"]["questions"] == stamp


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/messages", "messages"),
        ("/questions", "questions"),
        ("/approvals", "approvals"),
        ("/dead-letters", "dead-letters"),
        ("/jobs", "jobs"),
        ("/reminders", "reminders"),
        ("/spending", "spending"),
        ("/accounts", "accounts"),
        ("/audit", "audit"),
        ("/operators", "operators"),
        ("/agent/worker/", "live"),
        ("/agent/worker/inbox", "inbox"),
        ("/agent/worker/stats", "stats"),
        ("/agent/worker/decisions", "decisions"),
        ("/agent/worker/config", "config"),
    ],
)
async def test_a_page_learns_that_what_it_shows_has_changed(tmp_path: Path, path: str, name: str) -> None:
    """And of nothing while nothing has: it would load itself again and again."""
    async with dashboard(tmp_path) as site:
        site.sign_in(Role.ADMIN)
        demo_hive.populate(site.core)
        desk, worker = site.core.desk, site.core.agents["worker"]

        async def stamp(path: str = path) -> str:
            page = await (await site.get(path)).text()
            return page.split('id="frame"')[1].split('data-stamp="')[1].split('"')[0]

        async def told() -> str:
            about = "agent=worker&" if path.startswith("/agent/") else ""
            async with events(site, f"{about}after=0") as stream:
                found: str = (await stream.until("agent" if about else "hive")).data["stamps"][name]
                return found

        first = await stamp()
        assert first == await stamp() == await told()
        site.core.message("docs", "worker", "The newest of all.")
        desk.questions = [desk.questions[0].model_copy(update={"id": "q_new", "asker": "worker"}), *desk.questions]
        desk.approvals = [a.model_copy(update={"id": f"{a.id}x", "agent": "worker"}) for a in desk.approvals]
        desk.letters = desk.letters[1:]
        desk.jobs = [job.model_copy(update={"id": f"{job.id}x"}) for job in desk.jobs]
        desk.reminders, desk.accounts, desk.audit, desk.operators = [], [], [], []
        desk.today = [today.model_copy(update={"cost_usd": 50.0}) for today in desk.today]
        assert worker.last_turn is not None
        turn = worker.last_turn.model_copy(update={"id": "turn_new"})
        site.core.agents["worker"] = worker.model_copy(update={"last_turn": turn, "unread": worker.unread + 1})
        site.core.emit(EventKind.NOTICE, "worker", text="x")
        assert first != await stamp() == await told()


@pytest.mark.parametrize(
    "path",
    [
        "/messages?q=report",
        "/messages?before=msg_2",
        "/dead-letters?before=msg_2",
        "/audit?before=8",
        "/agent/worker/inbox?before=msg_2",
        "/agent/worker/decisions?before=9",
        "/system",
        "/egress",
    ],
)
async def test_a_page_of_what_is_over_does_not_load_itself_again(tmp_path: Path, path: str) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in(Role.ADMIN)
        demo_hive.populate(site.core)
        assert 'data-stamp=""' in await (await site.get(path)).text()


async def test_what_is_shown_this_once_is_not_loaded_again(tmp_path: Path) -> None:
    """A link to sign in with, and what a form was refused for."""
    async with dashboard(tmp_path) as site:
        site.sign_in(Role.ADMIN)
        demo_hive.populate(site.core)
        invited = await site.post("/operators/invite", {"name": "eve", "role": "viewer", "password": PASSWORD})
        refused = await site.post("/accounts", {"name": "main", "kind": "api_key", "password": PASSWORD})
        login = await site.post("/accounts/login", {"name": "main", "password": PASSWORD})
        for answer, status in ((invited, 200), (refused, 400), (login, 200)):
            assert answer.status == status
            assert 'data-stamp=""' in await answer.text()


async def test_while_a_page_is_open_others_show_what_was_looked_at_for_it(tmp_path: Path) -> None:
    """Nobody is told it without a session, and whoever did something is shown what became of it."""
    seldom = Pace(refresh_apart=60, refresh_every=60, recheck=600, heartbeat=600, retry=0.01)
    async with dashboard(tmp_path, pace=seldom) as site:
        worker, clock = partial(site.core.agent, "worker"), site.core.clock
        assert isinstance(clock, ManualClock)
        session = site.sign_in()

        async def shown() -> list[str]:
            pages = [await (await site.get(path)).text() for path in ("/", "/agent/worker/")]
            states = [re.search(r'data-state="(\w+)"', page) for page in pages]
            return [state.group(1) for state in states if state]

        worker(AgentState.IDLE)
        assert await shown() == ["idle", "idle"]
        worker(AgentState.THINKING)
        assert await shown() == ["thinking", "thinking"]
        async with events(site, "after=0") as stream:
            await stream.until("lists")
            # It is looked at once, and then not for a long time.
            site.core.change("worker", AgentState.PARKED)
            await stream.until("lists")
            looks = site.core.looks
            worker(AgentState.PAUSED)
            assert await shown() == ["parked", "parked"]
            assert site.core.looks == looks
            assert (await site.post("/agent/worker/messages", {"body": "go on"})).status == 303
            assert await shown() == ["paused", "paused"]
            worker(AgentState.STOPPED)
            assert await shown() == ["paused", "paused"]
            await clock.advance(61)
            assert await shown() == ["stopped", "stopped"]
            assert (await site.get("/agent/young/")).status == 404
            site.core.agent("young")
            assert (await site.get("/agent/young/")).status == 200
            del site.core.sessions[session]
            assert (await site.get("/")).status == 303


async def test_what_happens_while_a_page_is_made_is_on_it_or_told_to_it(tmp_path: Path) -> None:
    seldom = Pace(refresh_apart=60, refresh_every=60, recheck=600, heartbeat=600, retry=0.01)
    async with dashboard(tmp_path, pace=seldom) as site:
        site.sign_in()
        site.core.agent("worker")

        async def meanwhile() -> None:
            site.core.on_look = None
            site.core.emit(EventKind.NOTICE, "worker", text="now")
            # This one looks at the whole hive, and is answered first.
            assert (await site.get("/agent/worker/stats")).status == 200

        async with events(site, "after=0") as stream:
            await stream.until("lists")
            await site.get("/agent/worker/")
            site.core.on_look = meanwhile
            page = await (await site.get("/agent/worker/")).text()
            assert site.core.on_look is None
        (cursor,) = re.findall(r'class="agent-page" .*data-cursor="(\d+)"', page)
        assert int(cursor) < site.core.cursor
        async with events(site, f"agent=worker&after={cursor}") as stream:
            assert (await stream.until("timeline")).data["view"]["text"] == "now"


async def test_one_session_ends_and_the_pages_of_others_go_on(tmp_path: Path) -> None:
    pace = Pace(refresh_apart=0, refresh_every=60, recheck=0.02, heartbeat=60, retry=0.01)
    async with dashboard(tmp_path, pace=pace, real_time=True) as site:
        site.core.agent("worker")
        first = site.sign_in(name="ada")
        async with events(site, "agent=worker&after=0") as hers:
            await hers.until("agent")
            site.sign_in(name="bob")
            async with events(site, "agent=worker&after=0") as his:
                await his.until("agent")
                del site.core.sessions[first]
                site.core.notify()
                await hers.until("signed-out")
                site.core.emit(EventKind.NOTICE, "worker", text="still here")
                assert (await his.until("timeline")).data["view"]["text"] == "still here"


async def test_nothing_is_watched_while_nobody_looks(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "agent=worker&after=0") as stream:
            await stream.until("agent")
            assert site.core.watching == 1
        await site.core.until_unwatched()
