"""What the broker promises to those who send and to those who receive."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_core.broker import Broker, History, Policy
from hive_core.events.cutting import MAX_REASON
from hive_core.operators import Actor, Audit
from hive_core.rates import Rate
from hive_core.store import Database
from hive_rpc.errors import (
    ConflictError,
    InboxFullError,
    InstanceReplacedError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
    TimedOutError,
    TooLargeError,
    UnknownRecipientError,
)
from hive_rpc.types import EVERYONE, MAX_BODY, OPERATOR, Message
from tests.support.manual_clock import ManualClock

AGENTS = {"manager", "worker", "writer"}
LEASE = 120.0
HELLOS = 20
"""More from one agent are refused for a while."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "core.sqlite", "core") as database:
        yield database


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
async def broker(database: Database, clock: ManualClock, told: list[Message]) -> Broker:
    policy = Policy(lease_seconds=LEASE, hello_rate=Rate(burst=HELLOS + 1, per_second=1))
    broker = Broker(database, clock, lambda: AGENTS, policy=policy, sent=told.append)
    await broker.start()
    for agent in AGENTS:
        await broker.hello(agent, f"{agent}-1")
    return broker


def bodies(messages: list[Message]) -> list[str]:
    return [m.body for m in messages]


async def test_a_message_arrives_once_and_is_gone_after_the_ack(broker: Broker) -> None:
    sent = await broker.send("manager", "worker", "hello")
    [message] = await broker.receive("worker", "worker-1")
    assert (message.id, message.sender, message.recipient, message.body) == (sent, "manager", "worker", "hello")
    assert (message.attempts, message.redelivered, message.broadcast) == (0, False, False)
    assert await broker.receive("worker", "worker-1") == []
    assert await broker.ack("worker", "worker-1", [sent]) == [sent]
    assert await broker.ack("worker", "worker-1", [sent]) == [sent], "acking twice is no error"
    await broker.hello("worker", "worker-2")
    assert await broker.receive("worker", "worker-2") == []


async def test_messages_come_in_the_order_in_which_they_were_sent(broker: Broker) -> None:
    for number in range(25):
        await broker.send("manager", "worker", str(number))
    first = await broker.receive("worker", "worker-1", limit=10)
    rest = await broker.receive("worker", "worker-1", limit=100)
    assert bodies(first + rest) == [str(n) for n in range(25)]


async def test_sending_again_with_the_same_key_sends_nothing(broker: Broker, told: list[Message]) -> None:
    first = await broker.send("manager", "worker", "once", key="k")
    assert await broker.send("manager", "worker", "once", key="k") == first
    assert await broker.send("writer", "worker", "another sender's key", key="k") != first
    assert bodies(await broker.receive("worker", "worker-1")) == ["once", "another sender's key"]
    assert len(told) == 2


async def test_a_broadcast_reaches_every_other_agent_and_repeating_it_nobody(broker: Broker) -> None:
    sent = await broker.send("manager", EVERYONE, "all hands", key="b")
    assert await broker.send("manager", EVERYONE, "all hands", key="b") == sent
    for agent in ("worker", "writer"):
        [message] = await broker.receive(agent, f"{agent}-1")
        assert message.broadcast
        assert message.recipient == agent
    assert await broker.receive("manager", "manager-1") == []


async def test_a_broadcast_to_nobody_is_refused(database: Database, clock: ManualClock) -> None:
    alone = Broker(database, clock, lambda: {"manager"})
    with pytest.raises(ConflictError, match="nobody"):
        await alone.send("manager", EVERYONE, "anybody?")


async def test_a_waiting_receive_ends_when_a_message_is_sent(broker: Broker) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(broker.receive("worker", "worker-1", wait_seconds=60))
        await broker.send("manager", "worker", "wake up")
    assert bodies(waiting.result()) == ["wake up"]


async def test_a_receive_that_waits_in_vain_comes_back_empty(broker: Broker, clock: ManualClock) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(broker.receive("worker", "worker-1", wait_seconds=30))
        while not waiting.done():
            await asyncio.sleep(0.001)
            await clock.advance(10)
    assert waiting.result() == []


async def test_a_lease_that_runs_out_redelivers(broker: Broker, clock: ManualClock) -> None:
    sent = await broker.send("manager", "worker", "work")
    await broker.receive("worker", "worker-1")
    await clock.advance(LEASE)
    [again] = await broker.receive("worker", "worker-1")
    assert (again.id, again.attempts, again.redelivered) == (sent, 1, True)
    assert "lease ran out" in (again.redelivery_reason or "")


async def test_a_renewed_lease_does_not_run_out(broker: Broker, clock: ManualClock) -> None:
    sent = await broker.send("manager", "worker", "work")
    await broker.receive("worker", "worker-1")
    for _ in range(3):
        await clock.advance(LEASE - 1)
        reply = await broker.renew("worker", "worker-1", [sent, "msg_unknown"])
        assert reply.renewed == [sent]
        assert (reply.expires_at - clock.now()).total_seconds() == LEASE
        assert await broker.receive("worker", "worker-1") == []


async def test_the_last_holder_may_still_ack_after_expiry_but_nobody_after_a_nack(
    broker: Broker, clock: ManualClock
) -> None:
    late = await broker.send("manager", "worker", "late")
    await broker.receive("worker", "worker-1")
    await clock.advance(LEASE + 1)
    await broker.expire()
    assert await broker.ack("worker", "worker-1", [late]) == [late]
    given_back = await broker.send("manager", "worker", "given back")
    await broker.receive("worker", "worker-1")
    await broker.nack("worker", "worker-1", [given_back], "cannot")
    assert await broker.ack("worker", "worker-1", [given_back]) == []


async def test_a_nack_redelivers_with_its_reason_and_before_what_came_later(broker: Broker) -> None:
    first = await broker.send("manager", "worker", "first")
    await broker.receive("worker", "worker-1")
    await broker.send("manager", "worker", "second")
    await broker.nack("worker", "worker-1", [first], "the model refused")
    messages = await broker.receive("worker", "worker-1")
    assert bodies(messages) == ["first", "second"]
    assert messages[0].redelivery_reason == "the model refused"


async def test_naming_a_message_twice_in_a_nack_counts_once(broker: Broker) -> None:
    sent = await broker.send("manager", "worker", "work")
    await broker.receive("worker", "worker-1")
    await broker.nack("worker", "worker-1", [sent, sent], "no")
    [again] = await broker.receive("worker", "worker-1")
    assert again.attempts == 1


async def test_a_new_instance_gets_what_the_old_one_held_and_the_old_one_is_refused(broker: Broker) -> None:
    sent = await broker.send("manager", "worker", "work")
    await broker.receive("worker", "worker-1")
    await broker.hello("worker", "worker-2")
    for call in (
        broker.receive("worker", "worker-1"),
        broker.renew("worker", "worker-1", [sent]),
        broker.ack("worker", "worker-1", [sent]),
        broker.nack("worker", "worker-1", [sent], "x"),
        broker.hello("worker", "worker-1"),
    ):
        with pytest.raises(InstanceReplacedError):
            await call
    [again] = await broker.receive("worker", "worker-2")
    assert (again.id, again.redelivered) == (sent, True)


async def test_an_old_instance_that_waits_is_refused_when_a_new_one_says_hello(broker: Broker) -> None:
    waiting = asyncio.ensure_future(broker.receive("worker", "worker-1", wait_seconds=60))
    await broker.unread("worker")
    await broker.hello("worker", "worker-2")
    with pytest.raises(InstanceReplacedError):
        await waiting


async def test_saying_hello_again_changes_nothing(broker: Broker) -> None:
    sent = await broker.send("manager", "worker", "work")
    await broker.receive("worker", "worker-1")
    await broker.hello("worker", "worker-1")
    assert await broker.receive("worker", "worker-1") == []
    assert await broker.ack("worker", "worker-1", [sent]) == [sent]


async def test_a_call_without_instance_acts_for_the_current_one(broker: Broker, database: Database) -> None:
    sent = await broker.send("manager", "worker", "work")
    [message] = await broker.receive("worker", None)
    assert await broker.ack("worker", "worker-1", [message.id]) == [sent]


async def test_an_instance_that_never_said_hello_is_told_to(broker: Broker) -> None:
    with pytest.raises(ConflictError) as refused:
        await broker.receive("worker", "stranger")
    assert "Hello" in refused.value.hint


async def test_the_death_of_a_container_returns_what_it_held(broker: Broker) -> None:
    await broker.send("manager", "worker", "work")
    await broker.receive("worker", "worker-1")
    await broker.container_died("worker")
    with pytest.raises(InstanceReplacedError):
        await broker.receive("worker", "worker-1")
    await broker.hello("worker", "worker-2")
    [again] = await broker.receive("worker", "worker-2")
    assert "container" in (again.redelivery_reason or "")


async def test_after_a_core_start_a_lease_gets_one_full_term(
    database: Database, broker: Broker, clock: ManualClock
) -> None:
    sent = await broker.send("manager", "worker", "a long turn")
    await broker.receive("worker", "worker-1")
    await clock.advance(LEASE * 10)
    restarted = Broker(database, clock, lambda: AGENTS, policy=Policy(lease_seconds=LEASE))
    await restarted.start()
    await restarted.hello("worker", "worker-1")
    await clock.advance(LEASE - 1)
    assert await restarted.receive("worker", "worker-1") == []
    assert await restarted.ack("worker", "worker-1", [sent]) == [sent]


async def test_a_message_that_never_succeeds_becomes_a_dead_letter(broker: Broker) -> None:
    sent = await broker.send("manager", "worker", "poison")
    for attempt in range(5):
        [message] = await broker.receive("worker", "worker-1")
        assert message.attempts == attempt
        await broker.nack("worker", "worker-1", [sent], "crashed")
    assert await broker.receive("worker", "worker-1") == []
    assert await broker.unread("worker") == 0


async def test_the_background_task_returns_what_ran_out_and_wakes_the_receiver(
    broker: Broker, clock: ManualClock
) -> None:
    sent = await broker.send("manager", "worker", "work")
    await broker.receive("worker", "worker-1")
    background = asyncio.ensure_future(broker.run())
    waiting = asyncio.ensure_future(broker.receive("worker", "worker-1", wait_seconds=60))
    while not waiting.done():
        await asyncio.sleep(0.001)
        await clock.advance(40)
        if waiting.done() and not waiting.result():
            waiting = asyncio.ensure_future(broker.receive("worker", "worker-1", wait_seconds=60))
    assert [m.id for m in waiting.result()] == [sent]
    background.cancel()


async def test_an_unknown_recipient_is_an_error_that_names_the_nearest(broker: Broker) -> None:
    with pytest.raises(UnknownRecipientError) as refused:
        await broker.send("manager", "wroker", "hello")
    assert refused.value.hint == "Did you mean worker?"
    with pytest.raises(UnknownRecipientError) as refused:
        await broker.send("manager", "zzzzzz", "hello")
    assert "operator" in refused.value.hint


async def test_the_limit_of_a_body_is_in_bytes_and_the_error_says_what_to_do(broker: Broker) -> None:
    await broker.send("manager", "worker", "é" * (MAX_BODY // 2))
    with pytest.raises(TooLargeError) as refused:
        await broker.send("manager", "worker", "é" * (MAX_BODY // 2) + "x")
    assert refused.value.limit == MAX_BODY
    assert "/shared" in refused.value.hint


@pytest.mark.parametrize("body", ["", "  \n", "half \ud800 a pair"])
async def test_a_body_that_says_nothing_or_is_no_text_is_refused(broker: Broker, body: str) -> None:
    with pytest.raises(InvalidError):
        await broker.send("manager", "worker", body)


async def test_what_is_handed_out_together_fits_into_one_frame(broker: Broker) -> None:
    for _ in range(12):
        await broker.send("manager", "worker", "\\" * MAX_BODY)
    seen = 0
    while messages := await broker.receive("worker", "worker-1", limit=12):
        assert sum(len(m.model_dump_json()) for m in messages) < 1024 * 1024
        seen += len(messages)
    assert seen == 12


async def test_a_reference_is_kept_only_if_the_sender_could_see_it(broker: Broker) -> None:
    secret = await broker.send("manager", "writer", "between us")
    await broker.send("worker", "manager", "about that", in_reply_to=secret)
    await broker.send("worker", "manager", "about nothing", in_reply_to="msg_nothing")
    await broker.send("writer", "manager", "as you said", in_reply_to=secret)
    await broker.send(OPERATOR, "manager", "I saw that", in_reply_to=secret)
    received = await broker.receive("manager", "manager-1")
    assert [m.in_reply_to for m in received] == [None, None, secret, secret]


async def test_the_operator_gets_the_reply_that_was_waited_for(broker: Broker) -> None:
    question = await broker.send(OPERATOR, "worker", "6*7?")
    waiting = asyncio.ensure_future(broker.await_reply(question, 60))
    [message] = await broker.receive("worker", "worker-1")
    await broker.send("worker", "manager", "not to the operator", in_reply_to=message.id)
    await broker.send("worker", OPERATOR, "42", in_reply_to=message.id)
    assert (await waiting).body == "42"
    assert (await broker.await_reply(question, 0)).body == "42"


async def test_a_send_to_the_operator_without_reference_answers_the_oldest_unanswered_message(
    broker: Broker, database: Database
) -> None:
    first = await broker.send(OPERATOR, "worker", "first?")
    second = await broker.send(OPERATOR, "worker", "second?")
    await broker.receive("worker", "worker-1")
    for answer in ("one", "two", "and by the way"):
        await broker.send("worker", OPERATOR, answer)
    assert (await broker.await_reply(first, 0)).body == "one"
    assert (await broker.await_reply(second, 0)).body == "two"
    assert (await History(database).page("worker")).messages[-1].in_reply_to is None


async def test_a_reply_to_a_broadcast_reaches_who_waits_for_it(broker: Broker) -> None:
    asked = await broker.send(OPERATOR, EVERYONE, "who is there?")
    [message] = await broker.receive("writer", "writer-1")
    await broker.send("writer", OPERATOR, "me", in_reply_to=message.id)
    assert (await broker.await_reply(asked, 0)).sender == "writer"


async def test_waiting_for_a_reply_in_vain_times_out(broker: Broker) -> None:
    asked = await broker.send(OPERATOR, "worker", "hello?")
    with pytest.raises(TimedOutError):
        await broker.await_reply(asked, 0)
    with pytest.raises(NotFoundError):
        await broker.await_reply("msg_nothing", 0)


async def test_unread_counts_what_waits(broker: Broker) -> None:
    await broker.send("manager", EVERYONE, "x")
    await broker.send("manager", "worker", "y")
    assert await broker.unread_counts() == {"worker": 2, "writer": 1}
    await broker.receive("worker", "worker-1", limit=1)
    assert await broker.unread("worker") == 1


async def test_a_persons_send_is_audited_and_an_agents_is_not(broker: Broker, database: Database) -> None:
    sent = await broker.send(OPERATOR, "worker", "do it", actor=Actor("ada", "operator.sock"))
    await broker.send("manager", "worker", "do it too")
    [row] = (await Audit(database).page()).rows
    assert (row.who, row.via, row.action, row.target) == ("ada", "operator.sock", "send", "worker")
    assert row.details == {"id": sent}


async def test_the_reason_of_a_nack_is_cut_so_that_a_page_of_messages_stays_a_frame(broker: Broker) -> None:
    sent = await broker.send("manager", "worker", "x")
    await broker.receive("worker", "worker-1")
    await broker.nack("worker", "worker-1", [sent], "r" * 1_000_000)
    [message] = await broker.receive("worker", "worker-1")
    assert message.redelivery_reason is not None
    assert message.redelivery_reason.startswith("rrr")
    assert len(message.redelivery_reason) < 2 * MAX_REASON


async def test_an_agent_cannot_fill_the_disk_with_harness_instances(broker: Broker, clock: ManualClock) -> None:
    for number in range(HELLOS):
        await broker.hello("worker", f"worker-again-{number}")
    with pytest.raises(RateLimitedError):
        await broker.hello("worker", "worker-too-many")
    await broker.hello("writer", "writer-2")
    await clock.advance(60)
    await broker.hello("worker", "worker-later")


async def test_an_agent_cannot_fill_the_disk_with_large_messages(database: Database, clock: ManualClock) -> None:
    large = "x" * 1000
    broker = Broker(database, clock, lambda: AGENTS, policy=Policy(byte_rate=Rate(burst=4000, per_second=100)))
    await broker.start()
    await broker.send("worker", "writer", large)
    await broker.send("worker", EVERYONE, large)
    with pytest.raises(RateLimitedError) as refused:
        await broker.send("worker", "writer", large * 2)
    assert refused.value.retry_after == pytest.approx(10)
    await broker.send("writer", "worker", large)
    await broker.send(OPERATOR, "worker", large * 100)
    await clock.advance(10)
    await broker.send("worker", "writer", large * 2)


async def test_one_agent_cannot_fill_anothers_inbox(
    database: Database, clock: ManualClock, told: list[Message]
) -> None:
    broker = Broker(database, clock, lambda: AGENTS, policy=Policy(max_unread=2), sent=told.append)
    await broker.start()
    await broker.hello("worker", "w1")
    first = await broker.send("manager", "worker", "1", key="first")
    await broker.send("manager", "worker", "2")
    with pytest.raises(InboxFullError, match="2 messages of manager wait unread for worker") as refused:
        await broker.send("manager", "worker", "3")
    assert refused.value.limit == 2
    assert await broker.send("manager", "worker", "1", key="first") == first, "sending again is no new message"
    await broker.send("writer", "worker", "another sender's are its own")
    await broker.send("manager", "writer", "and so is another inbox")
    for number in range(5):
        await broker.send(OPERATOR, "worker", f"an operator is not bound {number}")
        await broker.send("manager", OPERATOR, f"nor is what operators get {number}")
    await broker.receive("worker", "w1", limit=1)
    await broker.send("manager", "worker", "3")


async def test_a_broadcast_reaches_nobody_when_one_inbox_is_full(
    database: Database, clock: ManualClock, told: list[Message]
) -> None:
    broker = Broker(database, clock, lambda: AGENTS, policy=Policy(max_unread=1), sent=told.append)
    await broker.start()
    await broker.send("manager", "worker", "1")
    with pytest.raises(InboxFullError, match="for worker,") as refused:
        await broker.send("manager", EVERYONE, "all hands")
    assert "Nobody got this" in refused.value.hint
    assert [m.body for m in told] == ["1"]
    assert await broker.unread_counts() == {"worker": 1}
    await broker.send("manager", "writer", "one by one")


async def test_what_was_leased_and_never_got_there_comes_at_once_as_if_for_the_first_time(broker: Broker) -> None:
    await broker.hello("worker", "w1")
    lost = await broker.send("writer", "worker", "lost on its way")
    assert len(await broker.receive("worker", "w1")) == 1
    later = await broker.send("writer", "worker", "sent later")
    assert [m.id for m in await broker.receive("worker", "w1")] == [later], "without a word of what it has, it waits"
    again = await broker.receive("worker", "w1", held=[later])
    assert [(m.id, m.attempts, m.redelivered) for m in again] == [(lost, 0, False)]
    assert await broker.receive("worker", "w1", held=[lost, later]) == []
    assert await broker.ack("worker", "w1", [lost, later]) == [lost, later]


async def test_a_harness_is_not_handed_what_it_works_on_although_its_lease_ran_out(
    broker: Broker, clock: ManualClock
) -> None:
    await broker.hello("worker", "w1")
    sent = await broker.send("writer", "worker", "long work")
    await broker.receive("worker", "w1", held=[])
    await clock.advance(1000)
    assert await broker.receive("worker", "w1", held=[sent]) == []
    assert (await broker.renew("worker", "w1", [sent])).renewed == [sent]
    assert await broker.ack("worker", "w1", [sent]) == [sent]
