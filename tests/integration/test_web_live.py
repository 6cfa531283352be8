"""The live stream of a page: nothing missed, nothing doubled, whatever restarts."""

from pathlib import Path

from hive_rpc.types import OPERATOR, AgentState, EventKind, Role, ToolCall, ToolResult, TurnOutcome
from hive_web.live import Pace
from tests.support.dashboard import AT_ONCE, dashboard, events


async def test_a_stream_begins_with_how_things_are(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker", AgentState.FAILED)
        site.core.agent("docs")
        async with events(site, "after=0") as stream:
            hive = await stream.until("hive")
            assert (hive.data["hive"]["waiting"], hive.data["waiting"][0]["agent"]) == (1, "worker")
            agents = await stream.until("agents")
            assert agents.data["names"] == ["worker", "docs"]
            assert [agent["state_words"] for agent in agents.data["changed"]] == ["Failed", "Idle"]


async def test_a_change_of_state_is_told_for_that_agent_alone(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.agent("docs")
        async with events(site, "after=0") as stream:
            await stream.until("agents")
            site.core.change("worker", AgentState.PARKED, reason="usage limit")
            agents = await stream.until("agents")
            (changed,) = agents.data["changed"]
            assert (changed["key"], changed["state"], changed["reason"]) == ("worker", "parked", "usage limit")


async def test_an_agent_that_is_created_or_destroyed_changes_the_list(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "after=0") as stream:
            await stream.until("agents")
            site.core.agent("fresh")
            site.core.change("fresh", AgentState.STARTING)
            assert (await stream.until("agents")).data["names"] == ["worker", "fresh"]
            del site.core.agents["fresh"]
            site.core.emit(EventKind.NOTICE, "worker", text="x")
            gone = await stream.until("agents")
            assert (gone.data["names"], gone.data["changed"]) == (["worker"], [])


async def test_the_hives_page_hears_each_message_once_though_it_concerns_two_agents(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.agent("manager")
        async with events(site, "after=0") as stream:
            await stream.until("agents")
            site.core.message("manager", "worker", "hello")
            site.core.message("worker", "manager", "hello back")
            keys: list[str] = []
            while "message msg_2" not in keys:
                keys += [view["key"] for view in (await stream.until("messages")).data]
            assert set(keys) == {"message msg_1", "message msg_2"}


async def test_a_turn_streams_to_its_agents_page_in_order(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        core = site.core
        site.sign_in()
        core.agent("worker")
        core.agent("docs")
        async with events(site, f"agent=worker&after={core.cursor}") as stream:
            await stream.until("agents")
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
                    seen += [f"{p['kind']}:{p['view'].get('outcome', '')}".strip(":") for p in frame.data]
            assert seen == ["turn", "6*7 ", "is 42", "step", "step", "result", "message", "turn:Done"]


async def test_a_browser_that_reconnects_gets_exactly_what_it_missed(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "agent=worker&after=0") as stream:
            await stream.until("agents")
            site.core.emit(EventKind.NOTICE, "worker", text="one")
            last = (await stream.until("timeline")).id
        for text in ("two", "three"):
            site.core.emit(EventKind.NOTICE, "worker", text=text)
        async with events(site, "agent=worker&after=0", Last_Event_ID=str(last)) as stream:
            frame = await stream.until("timeline")
            assert [patch["view"]["text"] for patch in frame.data] == ["two", "three"]
            assert frame.id == site.core.cursor


async def test_a_page_hears_what_happened_since_it_was_made(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.emit(EventKind.NOTICE, "worker", text="on the page")
        page = await (await site.get("/agent/worker/")).text()
        cursor = page.split('data-cursor="')[1].split('"')[0]
        site.core.emit(EventKind.NOTICE, "worker", text="in between")
        async with events(site, f"agent=worker&after={cursor}") as stream:
            frame = await stream.until("timeline")
            assert [patch["view"]["text"] for patch in frame.data] == ["in between"]


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


async def test_a_stream_outlives_a_restart_of_core_and_misses_nothing(tmp_path: Path) -> None:
    async with dashboard(tmp_path, real_time=True) as site:
        site.sign_in()
        site.core.agent("worker")
        async with events(site, "agent=worker&after=0") as stream:
            await stream.until("agents")
            site.core.change("worker", AgentState.PAUSED)
            await stream.until("timeline")
            await stream.until("agents")
            await site.core.stop()
            away = await stream.until("core")
            assert away.data == {"reachable": False}
            site.core.emit(EventKind.NOTICE, "worker", text="meanwhile")
            site.core.agent("worker", AgentState.STOPPED)
            await site.core.start(site.socket)
            assert (await stream.until("core")).data == {"reachable": True}
            frame = await stream.until("timeline")
            assert [patch["view"]["text"] for patch in frame.data] == ["meanwhile"]
            (agent,) = (await stream.until("agents")).data["changed"]
            assert agent["state"] == "stopped"


async def test_silence_is_broken_by_comments(tmp_path: Path) -> None:
    pace = Pace(refresh_apart=0, refresh_every=60, heartbeat=0.01, retry=0.01)
    async with dashboard(tmp_path, pace=pace, real_time=True) as site:
        site.sign_in()
        async with events(site, "after=0") as stream:
            await stream.until("agents")
            assert await stream.block() == ": still here"
            assert await stream.block() == ": still here"


async def test_what_has_no_event_is_looked_at_now_and_then(tmp_path: Path) -> None:
    pace = Pace(refresh_apart=0, refresh_every=0.01, heartbeat=60, retry=0.01)
    async with dashboard(tmp_path, pace=pace, real_time=True) as site:
        site.sign_in()
        async with events(site, "after=0") as stream:
            await stream.until("agents")
            site.core.hive = site.core.hive.model_copy(update={"stand_in": True})
            assert (await stream.until("hive")).data["hive"]["stand_in"] is True


async def test_the_end_of_the_session_ends_the_stream(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        async with events(site, "after=0") as stream:
            await stream.until("agents")
            site.core.sign_out_everybody()
            await stream.until("signed-out")
        answer = await site.get("/events?after=0", headers={"Accept": "text/event-stream"})
        assert answer.status == 401


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
            await stream.until("agents")
            site.core.emit_delta("worker", hostile, hostile)
            site.core.emit(EventKind.TEXT, "worker", turn_id="t", text=hostile)
            delta = await stream.next()
            assert (delta.event, delta.data["text"][:15]) == ("delta", "a\n\nevent: reset")
            assert (await stream.next()).event == "timeline"
