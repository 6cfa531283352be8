"""Eight hours of an agent in a few seconds: limits, an expired login, an overload storm, a core that restarts."""

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hive_rpc.interfaces.agent import CommandKind
from hive_rpc.interfaces.runner import TurnFinishedRequest, TurnInstruction
from hive_rpc.types import AgentState, TurnOutcome
from tests.support.agent_loop import Loop, failed, finished, serving

HOURS = 3600.0
MESSAGES = 200
TURN_SECONDS = 40.0
STEP = 40.0


class Night:
    """What the model's side does, by the hour."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.done: Counter[str] = Counter()
        self.unmarked: list[str] = []
        """Messages that were begun again without a word that they had been."""
        self._begun: set[str] = set()
        self.login_is_valid = True

    async def __call__(self, instruction: TurnInstruction) -> TurnFinishedRequest:
        clock = self._loop.clock
        found = re.search(r"number (\d+)\.", instruction.prompt)
        assert found is not None
        message = found[1]
        if message in self._begun and "given to you before" not in instruction.prompt:
            self.unmarked.append(message)
        self._begun.add(message)
        await clock.sleep(TURN_SECONDS)
        hour = clock.monotonic() / HOURS
        if 1 <= hour < 2:
            return self._limited(instruction.turn_id, resets_at=2.0)
        if 5 <= hour < 5.5:
            return self._limited(instruction.turn_id, resets_at=None)
        if not self.login_is_valid:
            return failed(instruction.turn_id, "Failed to authenticate.", error="authentication_failed")
        if 4 <= hour < 4.4:
            return failed(instruction.turn_id, "API Error: Repeated 529 Overloaded errors", error="server_error")
        self.done[message] += 1
        return finished(instruction.turn_id, context=20_000)

    def _limited(self, turn: str, resets_at: float | None) -> TurnFinishedRequest:
        told = failed(turn, "You've hit your session limit", error="rate_limit")
        if resets_at is None:
            return told
        started = self._loop.clock.now() - timedelta(seconds=self._loop.clock.monotonic())
        resets = int((started + timedelta(hours=resets_at)).timestamp())
        limit = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": resets}}
        return told.model_copy(update={"lines": [limit, *told.lines]})


async def test_a_night_in_which_everything_happens_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    async with serving(tmp_path) as loop:
        night = loop.runners.does = Night(loop)
        delivered = 0

        async def until_hour(hour: float) -> None:
            nonlocal delivered
            while loop.clock.monotonic() < hour * HOURS:
                # All messages come in the first seven hours.
                while delivered < min(MESSAGES, loop.clock.monotonic() / (7 * HOURS) * MESSAGES):
                    loop.core.deliver(f"number {delivered}.", sent_at=loop.clock.now())
                    delivered += 1
                then = loop.clock.monotonic() + STEP
                await loop.until(lambda then=then: loop.clock.monotonic() >= then, step=STEP)

        await until_hour(1.5)
        assert loop.core.state is AgentState.PARKED
        assert loop.core.states[-1].until is not None
        await until_hour(3)
        assert loop.core.state is not AgentState.PARKED
        night.login_is_valid = False
        await until_hour(3.5)
        assert loop.core.state is AgentState.NEEDS_LOGIN
        night.login_is_valid = True
        loop.core.command(CommandKind.WAKE)
        await until_hour(6)
        await loop.core.stop()
        for _ in range(15):
            await loop.clock.advance(STEP)
        await loop.core.start()
        await until_hour(7)
        await loop.until(lambda: len(loop.core.acked) == MESSAGES and not loop.core.waiting, step=STEP)
        assert loop.clock.monotonic() <= 8 * HOURS

        assert delivered == MESSAGES
        assert len(set(loop.core.acked)) == len(loop.core.acked) == MESSAGES
        assert len(night.done) == MESSAGES
        assert set(night.done.values()) == {1}
        assert night.unmarked == []
        await loop.until(lambda: sum(turn.outcome is TurnOutcome.OK for turn in loop.core.turns()) == MESSAGES)
        assert {nack.counted for nack in loop.core.nacked} == {False}
        outcomes = Counter(turn.outcome for turn in loop.core.turns())
        assert set(outcomes) == {
            TurnOutcome.OK,
            TurnOutcome.RATE_LIMITED,
            TurnOutcome.AUTH_FAILED,
            TurnOutcome.OVERLOADED,
        }
        # Waiting is cheap: what is known to last is not asked about again and again.
        assert outcomes[TurnOutcome.RATE_LIMITED] <= 8
        assert outcomes[TurnOutcome.AUTH_FAILED] == 2
        assert outcomes[TurnOutcome.OVERLOADED] <= 15
        assert len([sent for sent in loop.core.sent if "I stopped working" in sent.body]) == 1
