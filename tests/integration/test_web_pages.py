"""The pages, and what can be done from them without scripts."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

from hive_rpc.errors import ConflictError, TooLargeError, UnavailableError
from hive_rpc.interfaces.operator.events import AgentToday
from hive_rpc.types import OPERATOR, AgentState, EventKind, Role, Turn, TurnOutcome
from tests.support.dashboard import dashboard
from tests.support.fake_core import FakeCore
from tests.support.manual_clock import ManualClock

JSON = {"Accept": "application/json"}


async def test_the_hives_page_shows_what_waits_then_agents_then_the_conversation(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        core = site.core
        site.sign_in()
        turn = Turn(id="t", started_at=core.clock.now(), outcome=TurnOutcome.OK, duration_seconds=3.2)
        core.agent("worker", AgentState.THINKING, model="opus", last_turn=turn, unread=2)
        core.agent("docs", AgentState.PARKED, reason="usage limit", until=core.clock.now() + timedelta(minutes=74))
        core.agent("broken", AgentState.FAILED, reason="out of memory", since=core.clock.now() - timedelta(hours=1))
        core.message(OPERATOR, "worker", "what is 6*7?")
        core.message("worker", OPERATOR, "It is 42.", in_reply_to="msg_1")
        page = await (await site.get("/")).text()
        order = [page.index(title) for title in ("waiting-title", "agents-title", "conversation-title")]
        assert order == sorted(order)
        for shown in (
            "broken</strong>",
            "has failed",
            "out of memory",
            "3 agents, 1 thinking, 1 parked, 1 failed",
            "Done in 3.2 s",
            "2 unread",
            "usage limit",
            "in 1 h",
            "It is 42.",
            "2 messages",
            "<title>(1) meadow</title>",
        ):
            assert shown in page, shown


async def test_a_page_of_a_full_hive_stays_small(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        core, now = site.core, site.core.clock.now()
        said = "The report compared local times and lost the hour of the clock change; the tests pass now. " * 6
        turn = Turn(id="t", started_at=now, ended_at=now, outcome=TurnOutcome.OK, duration_seconds=3.2)
        for number in range(200):
            name, state = f"worker-{number:03}", AgentState.FAILED if number % 20 == 0 else AgentState.IDLE
            reason = "Its container ended: out of memory (limit 2 GiB)."
            core.agent(name, state, model="claude-sonnet-4-5", reason=reason, last_turn=turn, unread=number % 3)
            core.desk.today.append(AgentToday(agent=name, turns=3, cost_usd=1.2, context_tokens=40_000 + number))
            core.message(name, OPERATOR, said)
        for number in range(150):
            core.emit(EventKind.TEXT, "worker-000", turn_id=f"turn_{number // 5}", text=said)
        for path in ("/", "/agent/worker-000/"):
            page = await (await site.get(path)).read()
            assert page.count(b"<li") > 150, path
            assert len(page) <= 150_000, path


async def test_an_empty_hive_says_what_to_do(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        page = await (await site.get("/")).text()
        assert "No agents yet" in page
        assert "hive spawn NAME" in page
        assert "No agent has failed" in page
        assert 'id="waiting" aria-labelledby="waiting-title" hidden' in page


async def test_every_page_says_when_the_stand_in_answers(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        pages = ("/", "/agent/worker/", "/agent/worker/stop", "/spawn", "/sign-in", "/sign-in/once", "/nothing")
        for stand_in in (True, False):
            site.core.hive = site.core.hive.model_copy(update={"stand_in": stand_in})
            for path in pages:
                page = await (await site.get(path)).text()
                shown = "Stand-in model" in page and 'id="stand-in" hidden' not in page
                assert shown == stand_in, path
                assert not stand_in or "what the same tokens would cost" in page, path


async def test_an_agents_page_tells_its_history_in_order(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.message(OPERATOR, "worker", "first")
        turn = site.core.begin_turn("worker", "turn_1")
        site.core.emit(EventKind.TEXT, "worker", turn_id="turn_1", text="second")
        site.core.end_turn("worker", turn, outcome=TurnOutcome.OK)
        site.core.message("worker", OPERATOR, "third")
        site.core.change("worker", AgentState.FAILED, reason="fourth")
        page = await (await site.get("/agent/worker/")).text()
        history = page[page.index('id="timeline"') :]
        order = [history.index(word) for word in ("first", "second", "third", "fourth")]
        assert order == sorted(order)
        assert f'data-cursor="{site.core.cursor}"' in page


async def test_older_history_has_an_address_of_its_own(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        for number in range(200):
            site.core.emit(EventKind.NOTICE, "worker", text=f"notice-{number:03}")
        latest = await (await site.get("/agent/worker/")).text()
        assert "notice-199" in latest
        assert "notice-049" not in latest
        link = latest.split('class="earlier"><a href="')[1].split('"')[0]
        older = await (await site.get(f"/agent/worker/{link}")).text()
        assert "notice-049" in older
        assert "notice-050" not in older
        assert "agent.js" not in older  # the past does not change
        assert 'class="earlier"><a href="?' not in older
        assert (await site.get("/agent/worker/?before=x")).status == 400


async def test_a_message_is_sent_by_a_plain_form(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        answer = await site.post("/agent/worker/messages", {"body": "two\r\nlines", "key": "k1"})
        assert (answer.status, answer.headers["Location"]) == (303, "/agent/worker/#message-msg_1")
        assert [(s.to, s.body, s.key) for s in site.core.sent] == [("worker", "two\nlines", "k1")]
        assert "two\nlines" in await (await site.get("/agent/worker/")).text()


async def test_a_form_sent_twice_is_one_message(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        for _ in range(2):
            assert (await site.post("/agent/worker/messages", {"body": "hi", "key": "k1"})).status == 303
        assert len(site.core.messages) == 1


async def test_each_page_has_a_key_of_its_own(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        pages = [await (await site.get("/agent/worker/")).text() for _ in range(2)]
        keys = {page.split('name="key" value="')[1].split('"')[0] for page in pages}
        assert len(keys) == 2


async def test_a_message_that_core_refuses_says_why(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.refusals["send"] = TooLargeError("The message has 200000 bytes.", hint="Write it to a file.")
        plain = await site.post("/agent/worker/messages", {"body": "hi"})
        assert plain.status == 413
        assert "Write it to a file." in await plain.text()
        scripted = await site.post("/agent/worker/messages", {"body": "hi"}, **JSON)
        assert await scripted.json() == {"message": "The message has 200000 bytes.", "hint": "Write it to a file."}
        empty = await site.post("/agent/worker/messages", {"body": " \r\n"})
        assert empty.status == 400


async def test_stopping_asks_first_and_names_the_agent(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        question = await (await site.get("/agent/worker/stop")).text()
        assert "<h1>Stop worker?</h1>" in question
        assert site.core.lives == []
        answer = await site.post("/agent/worker/stop")
        assert (answer.status, answer.headers["Location"]) == (303, "/agent/worker/")
        assert site.core.lives == [("stop", "worker")]
        assert await (await site.post("/agent/worker/start", **JSON)).json() == {"message": "worker is starting."}
        await site.post("/agent/worker/restart")
        assert site.core.lives[1:] == [("start", "worker"), ("restart", "worker")]
        assert (await site.get("/agent/nobody/stop")).status == 404


async def test_a_slow_stop_goes_on_after_the_answer(tmp_path: Path) -> None:
    async with dashboard(tmp_path, errand_patience=0) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.hold = asyncio.Event()
        watch = site.core.watch_states("worker")
        assert (await site.post("/agent/worker/stop")).status == 303
        assert site.core.agents["worker"].state is AgentState.IDLE
        site.core.hold.set()
        assert await anext(watch) is AgentState.STOPPED


async def test_a_refused_stop_says_why(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.refusals["stop"] = ConflictError("worker is being destroyed.", hint="Wait for it.")
        answer = await site.post("/agent/worker/stop")
        assert answer.status == 409
        assert "worker is being destroyed." in await answer.text()


async def test_an_agent_is_created_from_a_name_and_a_configuration(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        answer = await site.post("/spawn", {"name": "fresh", "config": 'model = "opus"\r\n'})
        assert (answer.status, answer.headers["Location"]) == (303, "/agent/fresh/")
        assert [(s.name, s.config) for s in site.core.spawned] == [("fresh", 'model = "opus"\n')]
        await site.post("/spawn", {"name": "plain", "config": ""})
        assert site.core.spawned[1].config is None


async def test_a_spawn_that_is_refused_keeps_what_was_typed(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        taken = await site.post("/spawn", {"name": "worker", "config": "keep = 'me'"})
        page = await taken.text()
        assert taken.status == 409
        assert "There is an agent worker already. Choose another name." in page
        assert "keep = &#39;me&#39;" in page
        wrong = await site.post("/spawn", {"name": "Not A Name"})
        assert wrong.status == 400
        assert "lower-case letters" in await wrong.text()


async def test_an_unknown_agent_is_not_found(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in(Role.VIEWER)
        answer = await site.get("/agent/nobody/")
        assert answer.status == 404
        assert "There is no agent nobody." in await answer.text()


async def test_without_core_every_page_says_so_and_tries_again(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        await site.core.stop()
        for path in ("/", "/agent/worker/", "/sign-in", "/spawn", "/events?after=0"):
            answer = await site.get(path)
            page = await answer.text()
            assert answer.status == 503, path
            assert "Core is not reachable" in page
            assert "`systemctl status hive-core`" in page
            assert '<meta http-equiv="refresh"' in page
            assert answer.headers["Retry-After"]
        lost = await site.post("/agent/worker/messages", {"body": "hi"})
        assert lost.status == 503
        assert '<meta http-equiv="refresh"' not in await lost.text()  # a form is not sent again by itself

        await site.core.start(site.socket)
        assert (await site.get("/")).status == 200


async def test_core_that_goes_away_in_the_middle_is_the_same_as_one_that_is_not_there(tmp_path: Path) -> None:
    core = FakeCore()
    core.refusals["look"] = UnavailableError("A part of the hive is not reachable.")
    async with dashboard(tmp_path, core=core) as site:
        site.sign_in()
        assert (await site.get("/")).status == 503


async def test_a_page_shows_what_is_and_is_nobody_elses(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        core = site.core
        site.sign_in(Role.OPERATOR, "ada")
        core.agent("worker")
        pages = [await (await site.get("/agent/worker/")).text() for _ in range(2)]
        assert len({page.split('name="key" value="')[1].split('"')[0] for page in pages}) == 2

        core.change("worker", AgentState.PAUSED)
        for path in ("/", "/agent/worker/"):
            assert "Paused" in await (await site.get(path)).text()

        site.sign_in(Role.VIEWER, "vic")
        page = await (await site.get("/agent/worker/")).text()
        assert "vic" in page
        assert 'id="composer"' not in page
        assert 'type="checkbox"' not in await (await site.get("/")).text()
        core.sessions.clear()
        for path in ("/", "/agent/worker/"):
            assert (await site.get(path)).status == 303


async def test_an_agents_page_goes_on_with_its_history(tmp_path: Path) -> None:
    """As somebody sees it who loads it all the time, and as one who loads it first."""
    async with dashboard(tmp_path) as site:
        site.sign_in()
        core = site.core
        core.agent("worker")

        async def told() -> list[str]:
            page = await (await site.get("/agent/worker/")).text()
            assert f'data-cursor="{core.cursor}"' in page
            return re.findall(r"(?:said|noted)-\d+", page[page.index('id="timeline"') : page.index('id="latest"')])

        assert await told() == []
        turn = core.begin_turn("worker", "turn_1")
        for number in range(60):
            core.emit(EventKind.TEXT, "worker", turn_id="turn_1", text=f"said-{number}")
            if number % 7 == 0:
                assert await told() == [f"said-{n}" for n in range(number + 1)]
        core.end_turn("worker", turn, outcome=TurnOutcome.OK)
        for number in range(150):
            core.emit(EventKind.NOTICE, "worker", text=f"noted-{number}")
            if number % 7 == 0 or number == 149:
                shown = await told()
                assert shown[-number - 1 :] == [f"noted-{n}" for n in range(number + 1)]
                assert 140 <= len(shown) <= 180 or len(shown) == 60 + number + 1
        core.events = [event for event in core.events if event.id > core.cursor - 3]
        core.emit(EventKind.NOTICE, "worker", text="noted-150")
        assert await told() == ["noted-147", "noted-148", "noted-149", "noted-150"]
        core.forget_events()
        assert await told() == []


async def test_times_on_a_page_that_was_made_before_go_on(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.agent("worker")
        site.core.message(OPERATOR, "worker", "hi")
        assert isinstance(site.core.clock, ManualClock)
        for seconds, words in ((0, "just now"), (59, "just now"), (1, "1 min ago"), (3540, "1 h ago")):
            await site.core.clock.advance(seconds)
            for path in ("/", "/agent/worker/"):
                assert f">{words}</time>" in await (await site.get(path)).text(), (seconds, path)
