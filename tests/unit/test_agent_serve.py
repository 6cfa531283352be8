"""The serve loop: what becomes of messages, whatever happens to turns, to core and to the loop itself."""

import ast
import asyncio
import inspect
from collections.abc import AsyncIterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from hive_agent.harness import conductor, serve, steward
from hive_agent.limits import MAX_TURNS_IN_A_ROW
from hive_rpc.errors import ConflictError, HiveError, UnavailableError, UnknownRecipientError
from hive_rpc.interfaces.agent import CommandKind
from hive_rpc.interfaces.runner import (
    RequestNextTurnRequest,
    ToolReceiveRequest,
    ToolSendRequest,
    TurnFinishedRequest,
    TurnInstruction,
)
from hive_rpc.types import OPERATOR, AgentState, EventKind, TurnOutcome
from tests.support.agent_loop import Loop, failed, finished, serving


@pytest.fixture
async def loop(tmp_path: Path) -> AsyncIterator[Loop]:
    async with serving(tmp_path) as loop:
        yield loop


async def test_a_message_is_a_turn_an_answer_and_an_ack(loop: Loop) -> None:
    message = loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked and loop.core.turns())
    assert loop.core.acked == [message.id]
    (reply,) = loop.core.sent
    assert (reply.to, reply.body, reply.in_reply_to, reply.automatic) == (OPERATOR, "Done.", message.id, True)
    (turn,) = loop.core.turns()
    assert (turn.outcome, turn.messages) == (TurnOutcome.OK, [message.id])


async def test_messages_wake_one_turn_each_in_their_order(loop: Loop) -> None:
    messages = [loop.core.deliver(f"number {n}") for n in range(5)]
    await loop.until(lambda: len(loop.core.acked) == 5)
    assert loop.core.acked == [message.id for message in messages]
    assert [f"number {n}" in prompt for n, prompt in enumerate(loop.runners.prompts)] == [True] * 5


async def test_a_turn_without_a_word_is_still_an_answer_to_an_operator_but_not_to_an_agent(loop: Loop) -> None:
    async def silent(instruction: TurnInstruction) -> TurnFinishedRequest:
        return finished(instruction.turn_id, "")

    loop.runners.does = silent
    loop.core.deliver("hello", sender="other")
    message = loop.core.deliver("hello")
    await loop.until(lambda: len(loop.core.acked) == 2)
    assert [(sent.to, sent.in_reply_to) for sent in loop.core.sent] == [(OPERATOR, message.id)]


async def test_what_the_tools_received_is_acknowledged_with_the_turn(loop: Loop) -> None:
    first = loop.core.deliver("first")

    async def takes_more(instruction: TurnInstruction) -> TurnFinishedRequest:
        loop.core.deliver("second", sender="other")
        received = await loop.toolbox.receive(ToolReceiveRequest())
        await loop.toolbox.send(ToolSendRequest(to="other", body="to the second"))
        return finished(instruction.turn_id, f"had {received.messages[0].body} too")

    loop.runners.does = takes_more
    await loop.until(lambda: len(loop.core.acked) == 2)
    assert [(sent.to, sent.automatic) for sent in loop.core.sent] == [("other", False), (OPERATOR, True)]
    assert loop.core.sent[0].in_reply_to == loop.core.acked[1]
    await loop.until(lambda: loop.core.turns())
    assert loop.core.turns()[0].messages == [first.id, loop.core.acked[1]]


async def test_turns_that_are_asked_for_follow_at_once_and_the_message_is_done_with_after_the_last(loop: Loop) -> None:
    acked_before: list[int] = []

    async def in_parts(instruction: TurnInstruction) -> TurnFinishedRequest:
        acked_before.append(len(loop.core.acked))
        if len(loop.runners.prompts) < 3:
            loop.toolbox.request_next_turn(RequestNextTurnRequest(note=f"part {len(loop.runners.prompts) + 1}"))
        return finished(instruction.turn_id, f"after part {len(loop.runners.prompts)}")

    loop.runners.does = in_parts
    message = loop.core.deliver("work")
    loop.core.deliver("something else")
    await loop.until(lambda: len(loop.core.turns()) == 4)
    assert ["part 2" in p for p in loop.runners.prompts] == [False, True, False, False]
    assert ["part 3" in p for p in loop.runners.prompts] == [False, False, True, False]
    assert acked_before == [0, 0, 0, 1]
    assert loop.core.sent[0].body == "after part 3"
    assert [t.wake_reason for t in loop.core.turns()] == ["message", "requested", "requested", "message"]
    assert [t.messages for t in loop.core.turns()[:3]] == [[message.id]] * 3


async def test_no_more_turns_than_are_allowed_follow_without_a_message(loop: Loop) -> None:
    refused: list[str] = []

    async def insatiable(instruction: TurnInstruction) -> TurnFinishedRequest:
        try:
            loop.toolbox.request_next_turn(RequestNextTurnRequest(note="more"))
        except ConflictError as error:
            refused.append(error.sentence())
        return finished(instruction.turn_id)

    loop.runners.does = insatiable
    loop.core.deliver("work")
    await loop.until(lambda: loop.core.acked and loop.core.turns())
    await loop.until(lambda: len(loop.core.turns()) == 1 + MAX_TURNS_IN_A_ROW)
    assert len(refused) == 1
    assert "remind" in refused[0]


async def test_a_message_comes_again_when_a_turn_that_was_asked_for_fails(loop: Loop) -> None:
    async def fails_later(instruction: TurnInstruction) -> TurnFinishedRequest:
        if len(loop.runners.prompts) == 1:
            loop.toolbox.request_next_turn(RequestNextTurnRequest(note="the rest"))
        return failed(instruction.turn_id) if len(loop.runners.prompts) == 2 else finished(instruction.turn_id)

    loop.runners.does = fails_later
    message = loop.core.deliver("work")
    await loop.until(lambda: loop.core.acked == [message.id], step=5)
    assert [request.ids for request in loop.core.nacked] == [[message.id]]
    assert "given to you before" in loop.runners.prompts[2]


async def test_a_message_whose_delivery_got_lost_on_its_way_comes_again_at_once_and_once(loop: Loop) -> None:
    loop.core.refuse["receive_reply"] = UnavailableError("Core died here.")
    message = loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked and loop.core.turns())
    assert loop.core.acked == [message.id]
    assert loop.core.nacked == []
    assert len(loop.runners.prompts) == 1


async def test_what_is_received_too_late_for_its_turn_wakes_the_next_one(loop: Loop) -> None:
    late: list[asyncio.Task[object]] = []

    async def ends_while_receiving(instruction: TurnInstruction) -> TurnFinishedRequest:
        if not late:
            late.append(asyncio.create_task(loop.toolbox.receive(ToolReceiveRequest(wait_seconds=30))))
            await asyncio.sleep(0)
        return finished(instruction.turn_id)

    loop.runners.does = ends_while_receiving
    first = loop.core.deliver("first")
    await loop.until(lambda: loop.core.acked)
    second = loop.core.deliver("second")
    await loop.until(lambda: len(loop.core.acked) == 2)
    assert loop.core.acked == [first.id, second.id]
    assert loop.core.nacked == []
    with pytest.raises(ConflictError):
        await late[0]


async def test_an_idle_runner_is_ended_when_its_time_is_over_also_while_core_is_away(loop: Loop) -> None:
    async def warms(instruction: TurnInstruction) -> TurnFinishedRequest:
        loop.runners.warm = 100
        return finished(instruction.turn_id)

    loop.runners.does = warms
    loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked and loop.core.state is AgentState.IDLE)
    assert not loop.runners.ended
    await loop.core.stop()
    loop.runners.warm = 0
    await loop.until(lambda: loop.runners.ended, step=10)


async def test_a_failed_turn_gives_its_message_back_with_the_reason_and_the_loop_rests(loop: Loop) -> None:
    async def fails_once(instruction: TurnInstruction) -> TurnFinishedRequest:
        return (
            finished(instruction.turn_id)
            if "given to you before" in instruction.prompt
            else failed(instruction.turn_id)
        )

    loop.runners.does = fails_once
    message = loop.core.deliver("hello")
    await loop.core.until(lambda: loop.core.state is AgentState.PARKED)
    assert loop.core.nacked[0].reason == "API Error: 500"
    assert loop.core.states[-1].until is not None
    assert loop.core.acked == []
    await loop.until(lambda: loop.core.acked == [message.id])
    assert "API Error: 500" in loop.runners.prompts[1]


async def test_leases_are_renewed_while_a_turn_runs(loop: Loop) -> None:
    go_on = asyncio.Event()

    async def long(instruction: TurnInstruction) -> TurnFinishedRequest:
        await go_on.wait()
        return finished(instruction.turn_id)

    loop.runners.does = long
    message = loop.core.deliver("hello")
    await loop.until(lambda: len(loop.core.renewed) >= 3, step=10)
    assert loop.core.renewed[0] == [message.id]
    go_on.set()
    await loop.until(lambda: loop.core.acked)


async def test_a_core_that_restarts_during_a_turn_changes_nothing_for_it(loop: Loop) -> None:
    go_on = asyncio.Event()

    async def long(instruction: TurnInstruction) -> TurnFinishedRequest:
        await go_on.wait()
        return finished(instruction.turn_id)

    loop.runners.does = long
    message = loop.core.deliver("hello")
    await loop.core.until(lambda: loop.runners.prompts)
    await loop.core.stop()
    go_on.set()
    await loop.clock.advance(5)
    assert loop.core.acked == []
    await loop.core.start()
    await loop.until(lambda: loop.core.acked == [message.id] and loop.core.turns())
    assert len(loop.core.sent) == len(loop.runners.prompts) == 1
    assert loop.core.nacked == []
    kinds = [event.kind for event in loop.core.events]
    assert kinds == [EventKind.TURN_STARTED, EventKind.TURN_ENDED]


async def test_draining_finishes_the_turn_and_takes_no_other_message(loop: Loop) -> None:
    go_on = asyncio.Event()

    async def long(instruction: TurnInstruction) -> TurnFinishedRequest:
        await go_on.wait()
        return finished(instruction.turn_id)

    loop.runners.does = long
    first, second = loop.core.deliver("first"), loop.core.deliver("second")
    await loop.core.until(lambda: loop.runners.prompts)
    loop.core.command(CommandKind.DRAIN)
    await loop.until(loop.control.drain.is_set)
    go_on.set()
    await loop.until(lambda: loop.core.state is AgentState.STOPPED)
    assert loop.core.acked == [first.id]
    assert [message.id for message in loop.core.waiting] == [second.id]
    assert loop.runners.ended == 1


async def test_draining_an_idle_harness_does_not_wait_for_the_poll(loop: Loop) -> None:
    loop.core.command(CommandKind.DRAIN)
    await loop.core.until(lambda: loop.core.state is AgentState.STOPPED)


async def test_a_cancelled_turn_is_done_with(loop: Loop) -> None:
    async def obeys(instruction: TurnInstruction) -> TurnFinishedRequest:
        while not loop.runners.interrupts:
            await asyncio.sleep(0)
        return failed(instruction.turn_id, "interrupted")

    loop.runners.does = obeys
    message = loop.core.deliver("hello")
    await loop.core.until(lambda: loop.runners.prompts)
    loop.core.command(CommandKind.CANCEL)
    await loop.core.until(lambda: loop.core.acked == [message.id] and loop.core.turns())
    assert loop.core.turns()[0].outcome is TurnOutcome.INTERRUPTED
    assert [sent.in_reply_to for sent in loop.core.sent] == [message.id]
    assert loop.core.nacked == []


async def test_a_cancel_that_comes_between_turns_does_not_hit_the_next_one(loop: Loop) -> None:
    loop.core.command(CommandKind.CANCEL)
    await loop.until(loop.control.cancel.is_set)
    message = loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked == [message.id] and loop.core.turns())
    assert loop.core.turns()[0].outcome is TurnOutcome.OK


@pytest.mark.parametrize(
    ("limits", "outcome"),
    [
        ({"turn_limit_seconds": 100}, TurnOutcome.INTERRUPTED),
        ({"silence_limit_seconds": 100}, TurnOutcome.NETWORK),
    ],
    ids=["too long", "silent"],
)
async def test_a_turn_over_its_limit_is_interrupted_then_killed_and_comes_again(
    loop: Loop, limits: dict[str, float], outcome: TurnOutcome
) -> None:
    async def hangs(instruction: TurnInstruction) -> TurnFinishedRequest:
        if "given to you before" not in instruction.prompt:
            await asyncio.Event().wait()
        return finished(instruction.turn_id)

    loop.runners.does = hangs
    loop.core.configure(**limits)
    message = loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked == [message.id], step=10)
    assert loop.runners.interrupts == 1
    assert [turn.outcome for turn in loop.core.turns()][:1] == [outcome]
    assert "100 s" in loop.core.nacked[0].reason


async def test_a_lost_conversation_begins_anew_and_the_model_is_told(loop: Loop) -> None:
    async def lost_once(instruction: TurnInstruction) -> TurnFinishedRequest:
        if len(loop.runners.launches) == 1:
            lost = {
                "type": "result",
                "subtype": "error_during_execution",
                "is_error": True,
                "errors": ["No conversation found with session ID: x"],
            }
            return TurnFinishedRequest(turn_id=instruction.turn_id, lines=[lost])
        return finished(instruction.turn_id)

    loop.runners.does = lost_once
    loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked)
    first, second = loop.runners.launches
    assert first.session != second.session
    assert "the conversation was lost" in loop.runners.prompts[1]


async def test_a_sender_that_is_gone_by_the_time_of_the_reply_does_not_bring_the_message_back(loop: Loop) -> None:
    loop.core.refuse["send"] = UnknownRecipientError()
    message = loop.core.deliver("hello", sender="other")
    await loop.until(lambda: loop.core.acked == [message.id])
    assert loop.core.nacked == []


FAULTS = {
    "control.settings",
    "control.attention.wait",
    "inbox.take",
    "inbox.nack",
    "inbox.ack",
    "inbox.reply_automatically",
    "inbox.tell_operator",
    "steward.prepare",
    "steward.learn",
    "steward.begin_anew",
    "steward.compact",
    "steward.seconds_to_checkpoint",
    "steward.think_about_checkpoint",
    "runners.turn",
    "runners.end",
    "runners.end_tools",
    "runners.kill",
    "conductor.run",
    "conductor.run_own",
}
OTHER_AWAITS = {
    "self.abandon",
    "self.begin_anew",
    "self.compact",
    "self._next",
    "self._obey",
    "self._handle",
    "self._work",
    "self._settle",
    "self._stand_by",
    "self._play",
    "self._prompt",
    "self._who_am_i",
    "self._decide",
    "self._compact_or_leave",
    "asyncio.Event().wait",
    "unless",
    "happens_within",
    "self._core.calls.attempt",
    "self._toolbox.permits.take_back",
}
"""Ways to one of the faults, or what cannot fail; core's refusals have a test of their own."""
LED_TO: dict[str, str] = {
    "inbox.nack": "runners.turn",
    "runners.kill": "runners.turn",
}
"""What belongs to turns that fail or are given up: they are made to."""


def test_the_faults_below_are_all_that_the_loop_awaits() -> None:
    awaited = {
        ast.unparse(node.value.func)
        for module in (serve, conductor, steward)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call)
    }
    # `take` is awaited by `unless`, which draining ends.
    assert awaited == {f"self._{fault}" for fault in FAULTS - {"inbox.take"}} | OTHER_AWAITS


async def _provoke(loop: Loop, fault: str, raised: list[str]) -> None:
    """Let happen what leads to this await, where ordinary turns do not."""
    match fault:
        case "control.attention.wait":
            loop.core.configure(paused=True)
            await loop.until(lambda: raised)
            loop.core.configure(paused=False)
        case "steward.begin_anew":
            loop.core.command(CommandKind.NEW_SESSION, asked="command_1")
            await loop.until(lambda: loop.core.ended)
        case "steward.compact" | "conductor.run_own":
            loop.core.command(CommandKind.COMPACT, asked="command_1")
            await loop.until(lambda: loop.core.ended)
        case "steward.think_about_checkpoint":
            await loop.until(lambda: raised, step=5)
        case "inbox.tell_operator":
            loop.runners.does = _out_of_budget
            loop.core.deliver("one more")
            await loop.until(lambda: raised)
            loop.runners.does = _large
            await loop.until(lambda: loop.core.state is AgentState.PARKED)
            loop.core.command(CommandKind.WAKE)
        case "runners.end_tools":
            begun = len(loop.runners.prompts)
            loop.runners.does = _endless
            loop.core.deliver("one more")
            await loop.until(lambda: len(loop.runners.prompts) > begun)
            loop.runners.does = _large
            loop.core.command(CommandKind.CANCEL)
            await loop.until(lambda: raised)


async def _large(instruction: TurnInstruction) -> TurnFinishedRequest:
    return finished(instruction.turn_id, context=60_000)


async def _endless(instruction: TurnInstruction) -> TurnFinishedRequest:
    await asyncio.Event().wait()
    return finished(instruction.turn_id)


async def _out_of_budget(instruction: TurnInstruction) -> TurnFinishedRequest:
    return failed(instruction.turn_id, "Credit balance is too low", error="billing_error")


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_whatever_raises_once_the_loop_comes_back_and_no_message_is_lost(
    loop: Loop, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = _raise_once(monkeypatch, loop, fault)
    if fault in LED_TO:
        _raise_once(monkeypatch, loop, LED_TO[fault])
    loop.runners.does = _large
    loop.runners.warm = 0
    messages = [loop.core.deliver(f"number {n}") for n in range(3)]
    await loop.until(lambda: len(loop.core.acked) == 3)
    await _provoke(loop, fault, raised)
    await loop.until(lambda: loop.core.state is AgentState.IDLE and not loop.core.leased and not loop.core.waiting)
    assert raised
    assert {message.id for message in messages} <= set(loop.core.acked)
    assert len(loop.core.acked) == len(set(loop.core.acked))
    assert {sent.in_reply_to for sent in loop.core.sent if sent.in_reply_to} == set(loop.core.acked)


@pytest.mark.parametrize("method", ["receive", "ack", "send", "who_am_i", "renew", "report_state", "push_events"])
async def test_whatever_core_refuses_once_the_message_is_done(loop: Loop, method: str) -> None:
    loop.core.refuse[method] = HiveError("Something is wrong.")
    message = loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked == [message.id] and loop.core.state is AgentState.IDLE)
    await loop.until(lambda: loop.core.turns())


async def test_a_loop_that_failed_is_seen_as_failed_with_its_reason(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise_once(monkeypatch, loop, "runners.turn")
    loop.core.deliver("hello")
    await loop.core.until(lambda: loop.core.state is AgentState.FAILED)
    assert "made to fail" in (loop.core.states[-1].reason or "")


def _raise_once(monkeypatch: pytest.MonkeyPatch, loop: Loop, fault: str) -> list[str]:
    path, attribute = fault.rsplit(".", 1)
    owner = attrgetter(path)(loop)
    real = getattr(owner, attribute)
    raised: list[str] = []

    async def raising(*arguments: Any, **keywords: Any) -> Any:
        if not raised:
            raised.append(fault)
            raise RuntimeError("made to fail")
        return await real(*arguments, **keywords)

    monkeypatch.setattr(owner, attribute, raising)
    return raised
