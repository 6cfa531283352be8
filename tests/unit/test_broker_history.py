"""Reading back what was said, and who may; dead letters, rates, and whom one may write to."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_core.broker import Broker, DeadLetters, History, Policy
from hive_core.operators import Actor, Audit
from hive_core.rates import Rate
from hive_core.store import Database
from hive_core.store.database import READERS
from hive_rpc.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, RateLimitedError, TooLargeError
from hive_rpc.types import EVERYONE, OPERATOR, SYSTEM, Message
from tests.support.manual_clock import ManualClock

AGENTS = {"manager", "worker", "writer"}
ROOT = Actor("root", "operator.sock")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "core.sqlite", "core") as database:
        yield database


@pytest.fixture
async def broker(database: Database, clock: ManualClock) -> Broker:
    broker = Broker(database, clock, lambda: AGENTS, policy=Policy(max_attempts=2))
    await broker.start()
    for agent in AGENTS:
        await broker.hello(agent, f"{agent}-1")
    return broker


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


@pytest.fixture
def dead_letters(database: Database, clock: ManualClock, broker: Broker) -> DeadLetters:
    return DeadLetters(database, clock, broker.wake)


def bodies(messages: list[Message]) -> list[str]:
    return [m.body for m in messages]


class TestPages:
    async def test_messages_are_read_in_pages_newest_last(self, broker: Broker, history: History) -> None:
        ids = [await broker.send("manager", "worker", str(n)) for n in range(5)]
        await broker.send("manager", "writer", "not the worker's")
        last = await history.page("worker", limit=2)
        assert ([m.id for m in last.messages], last.more) == (ids[3:], True)
        first = await history.page("worker", before=ids[3], limit=10)
        assert ([m.id for m in first.messages], first.more) == (ids[:3], False)
        assert len((await history.page()).messages) == 6
        with pytest.raises(NotFoundError):
            await history.page(before="msg_nothing")

    async def test_a_conversation_is_what_two_said_to_each_other(self, broker: Broker, history: History) -> None:
        await broker.send("manager", "worker", "1")
        await broker.send("worker", "manager", "2")
        await broker.send("worker", "writer", "aside")
        await broker.send("manager", "worker", "3")
        page = await history.between("worker", "manager", limit=2)
        assert (bodies(page.messages), page.more) == (["2", "3"], True)
        older = await history.between("manager", "worker", before=page.messages[0].id)
        assert (bodies(older.messages), older.more) == (["1"], False)


class TestThreads:
    async def test_a_thread_is_its_first_message_and_every_reply_to_a_reply(
        self, broker: Broker, history: History
    ) -> None:
        first = await broker.send("manager", "worker", "1")
        second = await broker.send("worker", "manager", "2", in_reply_to=first)
        third = await broker.send("manager", "worker", "3", in_reply_to=second)
        await broker.send("manager", "worker", "another matter")
        for member in (first, second, third):
            assert bodies((await history.thread(member)).messages) == ["1", "2", "3"]
        page = await history.thread(first, limit=2)
        assert page.cursor == second
        assert bodies((await history.thread(first, cursor=page.cursor)).messages) == ["3"]

    async def test_an_agent_sees_of_a_thread_what_it_sent_or_received(self, broker: Broker, history: History) -> None:
        first = await broker.send("manager", "worker", "1")
        second = await broker.send("worker", "manager", "2", in_reply_to=first)
        await broker.send("manager", "writer", "3", in_reply_to=second)
        assert bodies((await history.thread(first, viewer="worker")).messages) == ["1", "2"]
        with pytest.raises(NotFoundError):
            await history.thread(first, viewer="writer")
        assert bodies((await history.thread(first, viewer="manager")).messages) == ["1", "2", "3"]

    async def test_the_replies_to_a_broadcast_are_one_thread(self, broker: Broker, history: History) -> None:
        await broker.send("manager", EVERYONE, "who?")
        for agent in ("worker", "writer"):
            [message] = await broker.receive(agent, None)
            reply = await broker.send(agent, "manager", f"{agent}!", in_reply_to=message.id)
        assert bodies((await history.thread(reply)).messages) == ["who?", "who?", "worker!", "writer!"]


class TestSearch:
    async def test_every_word_has_to_be_there_and_the_last_may_be_begun(self, broker: Broker, history: History) -> None:
        await broker.send("manager", "worker", "The quick brown fox")
        await broker.send("manager", "worker", "A quick GREEN frog, déjà vu")
        assert bodies((await history.search("quick")).messages) == [
            "A quick GREEN frog, déjà vu",
            "The quick brown fox",
        ]
        assert bodies((await history.search("green qui")).messages) == ["A quick GREEN frog, déjà vu"]
        assert bodies((await history.search("deja")).messages) == ["A quick GREEN frog, déjà vu"]
        assert (await history.search("quick purple")).messages == []

    @pytest.mark.parametrize("query", ['"', "fox OR frog", "body:fox", "NEAR(fox frog)", "fox*", "-fox", "(fox"])
    async def test_the_syntax_of_the_index_has_no_meaning(self, broker: Broker, history: History, query: str) -> None:
        await broker.send("manager", "worker", "a fox, or something near; body and frog")
        if query == '"':
            with pytest.raises(InvalidError):
                await history.search(query)
        else:
            assert len((await history.search(query)).messages) == 1

    @pytest.mark.parametrize("query", ["word " * 21, "_".join("a" * 100_000), "_".join("a" * 21), "a" * 501])
    async def test_too_many_words_are_refused(self, history: History, query: str) -> None:
        with pytest.raises(TooLargeError):
            await history.search(query)

    async def test_words_that_the_index_takes_apart_are_found_as_they_are(
        self, broker: Broker, history: History
    ) -> None:
        await broker.send("manager", "worker", "turn_limit_seconds is 5")
        await broker.send("manager", "worker", "the limit of a turn")
        assert bodies((await history.search("turn_limit")).messages) == ["turn_limit_seconds is 5"]

    async def test_one_agent_has_one_search_at_a_time_and_a_reader_is_left_for_others(self, history: History) -> None:
        running: list[str] = []
        most = 0

        async def ask(agent: str) -> None:
            nonlocal most
            async with history.turn_of(agent):
                running.append(agent)
                most = max(most, len(running))
                await asyncio.sleep(0)
                running.remove(agent)

        await asyncio.gather(*(ask(agent) for agent in ("worker", "writer") for _ in range(10)))
        assert most == READERS - 1

    async def test_an_agent_finds_only_its_own(self, broker: Broker, history: History) -> None:
        await broker.send("manager", "worker", "the secret word")
        assert len((await history.search("secret", viewer="worker")).messages) == 1
        assert (await history.search("secret", viewer="writer")).messages == []

    async def test_results_come_in_pages(self, broker: Broker, history: History) -> None:
        for n in range(150):
            await broker.send("manager", "worker", f"needle {n}")
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = await history.search("needle", cursor=cursor, limit=60)
            seen += bodies(page.messages)
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == [f"needle {n}" for n in reversed(range(150))]


class TestDeadLetters:
    async def kill(self, broker: Broker, body: str, agent: str = "worker") -> str:
        sent = await broker.send("manager", agent, body)
        for _ in range(2):
            await broker.receive(agent, None)
            await broker.nack(agent, None, [sent], "it broke")
        return sent

    async def test_they_are_listed_with_their_reason(self, broker: Broker, dead_letters: DeadLetters) -> None:
        first, second = await self.kill(broker, "poison"), await self.kill(broker, "venom", "writer")
        page = await dead_letters.page()
        assert [(d.message.id, d.reason) for d in page.letters] == [(second, "it broke"), (first, "it broke")]
        assert [d.message.id for d in (await dead_letters.page("worker")).letters] == [first]
        assert [d.message.id for d in (await dead_letters.page(before=second)).letters] == [first]

    async def test_sent_again_it_is_delivered_with_a_mark(
        self, broker: Broker, dead_letters: DeadLetters, database: Database
    ) -> None:
        sent = await self.kill(broker, "poison")
        assert await dead_letters.resend(ROOT, [sent]) == 1
        [message] = await broker.receive("worker", None)
        assert (message.id, message.attempts, message.redelivered) == (sent, 0, True)
        assert (await dead_letters.page()).letters == []
        [row] = (await Audit(database).page()).rows
        assert (row.who, row.action, row.target) == ("root", "resend", sent)

    async def test_dropped_it_is_gone_from_the_queue_and_not_from_the_history(
        self, broker: Broker, dead_letters: DeadLetters, history: History
    ) -> None:
        await self.kill(broker, "poison")
        assert await dead_letters.drop(ROOT, None) == 1
        assert (await dead_letters.page()).letters == []
        assert await broker.receive("worker", None) == []
        assert bodies((await history.page("worker")).messages) == ["poison"]

    async def test_what_is_no_dead_letter_is_neither_sent_nor_dropped(
        self, broker: Broker, dead_letters: DeadLetters
    ) -> None:
        dead, alive = await self.kill(broker, "poison"), await broker.send("manager", "worker", "fine")
        for verb in (dead_letters.resend, dead_letters.drop):
            with pytest.raises(NotFoundError):
                await verb(ROOT, [dead, alive])
            with pytest.raises(InvalidError):
                await verb(ROOT, [])
        assert len((await dead_letters.page()).letters) == 1


class TestRates:
    async def test_who_sends_too_much_is_told_how_long_to_wait(self, database: Database, clock: ManualClock) -> None:
        broker = Broker(database, clock, lambda: AGENTS, policy=Policy(send_rate=Rate(burst=4, per_second=0.5)))
        for _ in range(2):
            await broker.send("manager", EVERYONE, "each recipient counts")
        with pytest.raises(RateLimitedError) as refused:
            await broker.send("manager", "worker", "one more")
        assert refused.value.retry_after == 2
        await broker.send("worker", "manager", "another sender has a rate of its own")
        for _ in range(10):
            await broker.send(OPERATOR, "worker", "operators have none")
        await clock.advance(2)
        await broker.send("manager", "worker", "one more")


class TestWhomOneMayWriteTo:
    @pytest.fixture
    def broker(self, database: Database, clock: ManualClock) -> Broker:
        return Broker(database, clock, lambda: AGENTS, may_write=lambda sender, to: to == "manager")

    async def test_a_message_to_somebody_else_is_refused(self, broker: Broker) -> None:
        with pytest.raises(ForbiddenError, match="worker may not write to writer"):
            await broker.send("worker", "writer", "psst")
        await broker.send("worker", "manager", "hello")

    async def test_the_operator_is_always_reached_and_reaches_everybody(self, broker: Broker) -> None:
        await broker.send("worker", OPERATOR, "hello")
        await broker.send(OPERATOR, "writer", "hello")
        await broker.send(SYSTEM, "writer", "hello")

    async def test_a_broadcast_reaches_those_one_may_write_to(self, broker: Broker) -> None:
        await broker.send("worker", EVERYONE, "hello")
        assert await broker.unread_counts() == {"manager": 1}
        with pytest.raises(ConflictError):
            await broker.send("manager", EVERYONE, "hello")
