"""What follows from how a turn ended: what counts, what is parked, what is mended, what an operator sees."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hive_agent.harness.aftermath import Aftermaths, Remedy
from hive_agent.harness.conversation import transcript
from hive_agent.harness.session_policy import SessionPolicy
from hive_agent.harness.verdict import Verdict
from hive_rpc.accounts import Hold, HoldKind, Scope
from hive_rpc.commands import Effort
from hive_rpc.interfaces.agent import CommandKind
from hive_rpc.interfaces.runner import TurnFinishedRequest, TurnInstruction
from hive_rpc.types import OPERATOR, AgentState, Event, EventKind, Object, TurnOutcome
from tests.support.agent_loop import Loop, failed, finished, serving
from tests.support.manual_clock import ManualClock

COMPACTED = {"type": "system", "subtype": "compact_boundary", "compact_metadata": {"post_tokens": 20_000}}


@pytest.fixture
async def loop(tmp_path: Path) -> AsyncIterator[Loop]:
    async with serving(tmp_path) as loop:
        yield loop


class Plan:
    """The ends of the next turns, as `failed` makes them; all later ones go well."""

    def __init__(self, *ends: tuple[str, Object], context: int | None = None) -> None:
        self._ends = list(ends)
        self._context = context
        self.after: list[Object] = []
        """Lines besides."""

    async def __call__(self, instruction: TurnInstruction) -> TurnFinishedRequest:
        if instruction.prompt == "/compact":
            return finished(instruction.turn_id, "").model_copy(
                update={"lines": [COMPACTED, *finished(instruction.turn_id).lines]}
            )
        if self._ends:
            text, fields = self._ends.pop(0)
            told = failed(instruction.turn_id, text, **fields)
            return told.model_copy(update={"lines": [*self.after, *told.lines]})
        return finished(instruction.turn_id, context=self._context)


LIMIT = ("You've hit your session limit", {"error": "rate_limit"})
OVERLOAD = ("API Error: 529 Overloaded", {"error": "server_error"})
LOGIN = ("Failed to authenticate. API Error: 401", {"error": "authentication_failed"})
BUDGET = ("Credit balance is too low", {"error": "billing_error"})
MODEL = ("There's an issue with the selected model", {"error": "model_not_found"})
OVERFLOW = ("Prompt is too long", {"error": "invalid_request"})


async def test_a_limit_parks_until_its_end_and_costs_the_message_no_attempt(loop: Loop) -> None:
    plan = loop.runners.does = Plan(LIMIT)
    resets = loop.clock.now() + timedelta(hours=3)
    info = {"status": "rejected", "resetsAt": int(resets.timestamp()), "rateLimitType": "five_hour"}
    plan.after = [{"type": "rate_limit_event", "rate_limit_info": info}]
    message = loop.core.deliver("hello")
    await loop.core.until(lambda: loop.core.state is AgentState.PARKED)
    told = loop.core.states[-1]
    assert told.until is not None
    assert resets <= told.until <= resets + timedelta(seconds=30)
    assert told.reason == "rate limit (You've hit your session limit)"
    assert [nack.counted for nack in loop.core.nacked] == [False]
    await loop.clock.advance(3 * 3600 - 10)
    assert len(loop.runners.prompts) == 1
    await loop.until(lambda: loop.core.acked == [message.id] and len(loop.core.turns()) == 2)
    assert loop.core.turns()[-1].attempts == 0


async def test_a_limit_without_an_end_is_tried_again_after_longer_and_longer() -> None:
    clock = ManualClock()
    aftermaths = Aftermaths(clock)
    waits = [aftermaths.of(Verdict(TurnOutcome.RATE_LIMITED)).seconds or 0 for _ in range(8)]
    assert 48 <= waits[0] <= 60
    assert waits[:5] == sorted(waits[:5])
    assert 1440 <= waits[-1] <= 1800
    aftermaths.went_well()
    assert (aftermaths.of(Verdict(TurnOutcome.RATE_LIMITED)).seconds or 0) <= 60


@pytest.mark.parametrize("outcome", [TurnOutcome.OVERLOADED, TurnOutcome.NETWORK])
async def test_what_passes_by_itself_is_tried_again_between_five_seconds_and_five_minutes(
    outcome: TurnOutcome,
) -> None:
    aftermaths = Aftermaths(ManualClock())
    waits = [aftermaths.of(Verdict(outcome)) for _ in range(10)]
    assert 4 <= (waits[0].seconds or 0) <= 5
    assert 240 <= (waits[-1].seconds or 0) <= 300
    assert not any(wait.counted for wait in waits)


async def test_a_refused_login_is_tried_once_more_and_then_waits_for_a_person(loop: Loop) -> None:
    loop.runners.does = Plan(LOGIN, LOGIN)
    message = loop.core.deliver("hello")
    await loop.until(lambda: loop.core.state is AgentState.NEEDS_LOGIN)
    assert len(loop.runners.prompts) == 2
    assert loop.core.states[-1].until is None
    await loop.until(lambda: any("I stopped working" in sent.body for sent in loop.core.sent))
    assert [nack.counted for nack in loop.core.nacked] == [False, False]
    loop.core.command(CommandKind.WAKE, asked="command_1")
    await loop.until(lambda: loop.core.acked == [message.id])
    assert [(ended.id, ended.refused) for ended in loop.core.ended] == [("command_1", None)]


@pytest.mark.parametrize("end", [BUDGET, MODEL], ids=["budget", "configuration"])
async def test_what_only_a_person_can_put_right_stops_the_agent_and_tells_the_operator(
    loop: Loop, end: tuple[str, Object]
) -> None:
    loop.runners.does = Plan(end)
    message = loop.core.deliver("hello")
    await loop.until(lambda: loop.core.state is AgentState.PARKED and loop.core.sent)
    (told,) = loop.core.sent
    assert told.to == OPERATOR
    assert end[0] in told.body
    assert loop.core.states[-1].until is None
    await loop.clock.advance(24 * 3600)
    assert len(loop.runners.prompts) == 1
    loop.core.command(CommandKind.WAKE)
    await loop.until(lambda: loop.core.acked == [message.id])


async def test_a_conversation_that_is_too_long_is_compacted_and_the_message_done(loop: Loop) -> None:
    loop.runners.does = Plan(OVERFLOW)
    message = loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked == [message.id] and len(loop.core.turns()) == 3)
    assert loop.runners.prompts[1] == "/compact"
    assert [turn.wake_reason for turn in loop.core.turns()[:2]] == ["message", "compact"]
    assert len({launch.session for launch in loop.runners.launches}) == 1
    assert AgentState.COMPACTING in [told.state for told in loop.core.states]


async def test_one_that_cannot_be_compacted_begins_anew_with_a_hand_over(loop: Loop) -> None:
    async def uncompactable(instruction: TurnInstruction) -> TurnFinishedRequest:
        if instruction.prompt == "/compact":
            status = {"type": "system", "subtype": "status", "compact_result": "failed", "compact_error": "too short"}
            told = finished(instruction.turn_id, "")
            return told.model_copy(update={"lines": [status, *told.lines]})
        if len(loop.runners.prompts) == 2:
            return failed(instruction.turn_id, OVERFLOW[0], **OVERFLOW[1])
        return finished(instruction.turn_id, "The answer is 42.")

    loop.runners.does = uncompactable
    loop.core.deliver("What is 6*7?")
    second = loop.core.deliver("And now?")
    await loop.until(lambda: second.id in loop.core.acked)
    last = loop.runners.prompts[-1]
    assert "This is the beginning of a new conversation" in last
    assert "too short" in last
    assert "> What is 6*7?" in last
    assert "> The answer is 42." in last
    assert loop.runners.launches[-1].session != loop.runners.launches[0].session


async def test_a_lost_conversation_is_no_attempt_but_one_that_is_lost_again_and_again_is() -> None:
    aftermaths = Aftermaths(ManualClock())
    first, second = (aftermaths.of(Verdict(TurnOutcome.SESSION_LOST)) for _ in range(2))
    assert (first.counted, first.remedy, second.counted) == (False, Remedy.FRESH, True)


@pytest.mark.parametrize("outcome", sorted(set(TurnOutcome) - {TurnOutcome.OK}))
async def test_no_message_is_tried_for_ever_on_its_own_account(outcome: TurnOutcome) -> None:
    aftermaths = Aftermaths(ManualClock())
    ends = [aftermaths.of(Verdict(outcome)) for _ in range(5)]
    waits = all(end.seconds is None or end.seconds > 0 for end in ends[1:])
    assert ends[-1].counted or waits


def hold(kind: HoldKind = HoldKind.LIMIT, until: datetime | None = None) -> Hold:
    return Hold(kind=kind, scope=Scope.ACCOUNT, name="default", reason="the account's limit is reached", until=until)


async def test_a_hold_of_the_account_parks_before_a_turn_is_wasted_and_is_left_one_by_one(loop: Loop) -> None:
    until = loop.clock.now() + timedelta(hours=1)
    loop.core.command(CommandKind.HOLD, hold=hold(until=until))
    await loop.core.until(lambda: loop.core.state is AgentState.PARKED)
    told = loop.core.states[-1]
    assert told.reason == "the account's limit is reached"
    assert told.until is not None
    assert until <= told.until <= until + timedelta(seconds=20)
    message = loop.core.deliver("hello")
    await loop.clock.advance(600)
    assert loop.runners.prompts == []
    loop.core.command(CommandKind.HOLD)
    await loop.core.until(lambda: "free again" in (loop.core.states[-1].reason or ""))
    await loop.until(lambda: loop.core.acked == [message.id])


async def test_a_hold_for_a_login_is_shown_as_one_and_a_wake_goes_through_any_hold(loop: Loop) -> None:
    loop.core.command(CommandKind.HOLD, hold=hold(HoldKind.LOGIN))
    await loop.core.until(lambda: loop.core.state is AgentState.NEEDS_LOGIN)
    message = loop.core.deliver("hello")
    loop.core.command(CommandKind.WAKE)
    await loop.until(lambda: loop.core.acked == [message.id])


async def test_a_hold_that_a_wake_found_still_true_parks_again_and_the_message_waits_uncounted(loop: Loop) -> None:
    until = loop.clock.now() + timedelta(hours=3)
    loop.core.command(CommandKind.HOLD, hold=hold(until=until))
    await loop.until(lambda: loop.core.state is AgentState.PARKED)
    loop.runners.does = Plan(LIMIT)
    message = loop.core.deliver("hello")
    loop.core.command(CommandKind.WAKE)
    await loop.until(lambda: loop.core.nacked)
    await loop.until(lambda: loop.core.state is AgentState.PARKED)
    assert (loop.core.states[-1].until or until) >= until
    assert [(nack.ids, nack.counted) for nack in loop.core.nacked] == [([message.id], False)]
    await loop.clock.advance(3600)
    assert len(loop.runners.prompts) == 1


async def test_a_paused_agent_finishes_its_turn_and_begins_no_other(loop: Loop) -> None:
    go_on = asyncio.Event()

    async def long(instruction: TurnInstruction) -> TurnFinishedRequest:
        await go_on.wait()
        return finished(instruction.turn_id)

    loop.runners.does = long
    first, second = loop.core.deliver("first"), loop.core.deliver("second")
    await loop.core.until(lambda: loop.runners.prompts)
    loop.core.configure(paused=True)
    await loop.until(lambda: loop.control.paused)
    go_on.set()
    await loop.until(lambda: loop.core.state is AgentState.PAUSED)
    assert loop.core.acked == [first.id]
    loop.core.configure(paused=False)
    await loop.until(lambda: loop.core.acked == [first.id, second.id])


async def test_commands_between_turns_are_carried_out_once_and_answered(loop: Loop) -> None:
    loop.core.command(CommandKind.COMPACT, asked="too-early")
    await loop.until(lambda: len(loop.core.ended) == 1)
    loop.runners.does = Plan(context=30_000)
    loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked)
    for asked in ("compact", "compact"):
        loop.core.command(CommandKind.COMPACT, asked=asked)
    loop.core.command(CommandKind.NEW_SESSION, asked="new")
    loop.core.command(CommandKind.WAKE, asked="wake")
    loop.core.command(CommandKind.CANCEL, asked="cancel")
    await loop.until(lambda: len(loop.core.ended) >= 4)
    refused = {ended.id: ended.refused for ended in loop.core.ended}
    assert refused["too-early"] == "the conversation has not begun yet"
    assert refused["cancel"] == "no turn ran any more"
    assert refused["wake"] == "it waited for nothing any more"
    assert refused["new"] is None
    assert loop.runners.prompts.count("/compact") <= 1
    loop.core.deliver("again")
    await loop.until(lambda: len(loop.core.acked) == 2)
    assert "an operator wanted a new one" in loop.runners.prompts[-1]


async def test_another_model_or_effort_is_another_launch(loop: Loop) -> None:
    for fields in ({}, {"model": "opus"}, {"effort": Effort.HIGH}):
        loop.core.configure(**fields)
        loop.core.deliver("hello")
        count = len(loop.core.acked)
        await loop.until(lambda count=count: len(loop.core.acked) > count)
    assert [(launch.model, launch.effort) for launch in loop.runners.launches] == [
        ("sonnet", None),
        ("opus", None),
        ("opus", "high"),
    ]


async def test_an_idle_runner_is_ended_when_memory_is_short(loop: Loop) -> None:
    async def warms(instruction: TurnInstruction) -> TurnFinishedRequest:
        loop.runners.warm = 1000
        return finished(instruction.turn_id)

    loop.runners.does = warms
    loop.core.deliver("hello")
    await loop.until(lambda: loop.core.acked and loop.core.state is AgentState.IDLE)
    assert not loop.runners.ended
    loop.runners.short = True
    loop.core.command(CommandKind.SETTINGS, loop.core.settings)
    await loop.until(lambda: loop.runners.ended == 1)


async def test_every_decision_is_an_event_with_its_numbers_and_what_the_alternatives_cost(loop: Loop) -> None:
    loop.runners.does = Plan(context=30_000)
    for _ in range(2):
        loop.core.deliver("hello")
    await loop.until(lambda: len(loop.core.turns()) == 2)
    (told,) = _decisions(loop)
    assert told.text is not None
    assert told.text.startswith("The conversation goes on: ")
    assert told.decision is not None
    assert set(told.decision["costs_usd"]) == {"continue", "compact", "fresh"}
    assert told.decision["context_tokens"] == 30_001
    assert json.dumps(told.decision)


async def test_a_large_cold_conversation_is_left_for_a_new_one_that_knows_what_was_said(loop: Loop) -> None:
    loop.core.configure(model="opus")
    loop.runners.does = Plan(context=150_000)
    loop.core.deliver("Remember the number 7.")
    await loop.until(lambda: loop.core.acked)
    await loop.clock.advance(1)
    loop.clock._elapsed += 8 * 3600
    loop.core.deliver("Which one was it?")
    await loop.until(lambda: len(loop.core.turns()) >= 2 and loop.core.state is AgentState.IDLE)
    assert _decisions(loop)[-1].decision is not None
    assert _decisions(loop)[-1].decision["action"] == "fresh"  # type: ignore[index]
    assert "> Remember the number 7." in loop.runners.prompts[-1]
    first, last = loop.runners.launches[0], loop.runners.launches[-1]
    assert first.session != last.session


async def test_a_hand_over_note_is_written_while_the_cache_is_warm_and_given_to_the_next_conversation(
    loop: Loop,
) -> None:
    async def works(instruction: TurnInstruction) -> TurnFinishedRequest:
        text = "I build the bridge." if "hand-over note" in instruction.prompt else "Done."
        return finished(instruction.turn_id, text, context=120_000)

    loop.core.configure(model="opus")
    loop.runners.does = works
    loop.core.deliver("Build a bridge.")
    await loop.until(lambda: loop.core.acked)
    await loop.until(lambda: "checkpoint" in [turn.wake_reason for turn in loop.core.turns()], step=5)
    assert 240 <= loop.clock.monotonic() <= 300
    await loop.until(lambda: loop.core.state is AgentState.IDLE)
    await loop.clock.advance(8 * 3600)
    loop.core.deliver("How far is it?")
    await loop.until(lambda: len(loop.core.acked) == 2)
    assert "I build the bridge." in loop.runners.prompts[-1]
    assert "> Build a bridge." not in loop.runners.prompts[-1]


async def test_a_turn_that_the_window_cannot_hold_is_never_entered(loop: Loop) -> None:
    loop.runners.does = Plan(context=176_500)
    for _ in range(2):
        loop.core.deliver("hello")
    await loop.until(lambda: len(loop.core.acked) == 2 and len(loop.core.turns()) >= 2)
    decision = _decisions(loop)[-1].decision
    assert decision is not None
    assert "continue" not in decision["costs_usd"]
    assert decision["action"] in {"compact", "fresh"}


async def test_what_is_known_of_the_conversation_outlives_the_harness(tmp_path: Path) -> None:
    async with serving(tmp_path) as loop:
        loop.runners.does = Plan(context=30_000)
        loop.core.deliver("hello")
        await loop.until(lambda: loop.core.acked)
        kept = {file.name for file in loop.home.harness.iterdir()}
        session = loop.runners.launches[0].session
        assert transcript(loop.home.claude, loop.home.state, session).exists()
        measured = (loop.home.harness / "policy.json").read_text()
        assert SessionPolicy(loop.home.harness / "policy.json", loop.clock).turns == 1
    assert {"policy.json", "handover.json"} <= kept
    assert len(json.loads(measured)["habits"]["sizes"]) == 6


@pytest.mark.parametrize(
    ("kept", "turns"),
    [
        ('{"session": "s", "turns": 7, "habits": {"turns": 9.0, "new": 5e4, "new_squared": 1e9, "weight": 7.0}}', 7),
        ('{"session": "s", "turns": 7, "habits": {"sizes": [[1, 2]]}}', 0),
        ("{", 0),
    ],
    ids=["of an earlier version", "other classes", "damaged"],
)
async def test_measures_of_another_shape_are_taken_as_far_as_they_are_known(
    tmp_path: Path, kept: str, turns: int
) -> None:
    (tmp_path / "policy.json").write_text(kept)
    assert SessionPolicy(tmp_path / "policy.json", ManualClock()).turns == turns


def _decisions(loop: Loop) -> list[Event]:
    return [event for event in loop.core.events if event.kind is EventKind.NOTICE and event.decision is not None]
