"""Asking an operator whether the model may use a tool that its configuration names, and waiting for the answer.

The time that this takes is not the turn's: neither of its limits runs meanwhile. The question goes by what is asked and
for which message, so that a turn that is done again after a crash finds the question, or its answer, where it left it.
"""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hive_agent.harness.core import Core
from hive_agent.harness.turns import ActiveTurn
from hive_agent.limits import cut
from hive_base.clock import Clock
from hive_rpc.dialogue import Question, QuestionState
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.agent import AskRequest, AwaitAnswerRequest, QuestionRequest
from hive_rpc.interfaces.runner import PermitReply, PermitRequest
from hive_rpc.types import OPERATOR

log = logging.getLogger(__name__)

ALLOW, DENY = "Allow", "Deny"
_POLL_SECONDS = 10.0
_POLL_MARGIN = 15.0
_SHOWN = 4000
"""Characters of a tool's arguments in a question."""
_NOTHING_DONE = "Nothing was done. Do not try to get the same in another way"


class Permits:
    """`show` is told what is waited for, and None when nothing is any more."""

    def __init__(self, core: Core, clock: Clock, show: Callable[[str | None], None]) -> None:
        self._core = core
        self._clock = clock
        self._show = show
        self._open: set[str] = set()
        self._waiting = 0
        self._since = 0.0
        self._waited = 0.0

    def waited(self) -> float:
        """Seconds that were spent waiting for operators, ever."""
        return self._waited + (self._clock.monotonic() - self._since if self._waiting else 0.0)

    async def permit(self, turn: ActiveTurn, request: PermitRequest, *, seconds: float) -> PermitReply:
        """Ask, and wait for so many seconds at most."""
        what = f"permit\0{request.tool}\0{json.dumps(request.arguments, sort_keys=True)}"
        asking = AskRequest(
            question=f"May I use {request.tool}?\n\n{cut(_readable(request), _SHOWN)}",
            options=[ALLOW, DENY],
            to=OPERATOR,
            ttl_seconds=seconds,
            key=turn.key_of(what),
        )
        try:
            asked = (await self._core.calls.call(lambda core: core.ask(asking))).question
        except HiveError as error:
            why = f"No operator could be asked: {error.sentence()}"
            return PermitReply(allowed=False, message=f"{why} {_NOTHING_DONE}.")
        with self._wait(request.tool, asked.id):
            asked = await self._answered(asked)
        turn.done[what] += 1
        return _reply(asked)

    async def take_back(self) -> None:
        """The turn was ended while it waited: nobody wants to know any more. What core does not hear runs out there."""
        for question in list(self._open):
            taking_back = QuestionRequest(id=question)
            try:
                await self._core.calls.attempt(lambda core, asking=taking_back: core.cancel_question(asking))  # type: ignore[misc]
            except HiveError as error:
                log.warning("%s stays open: %s", question, error.sentence())
        self._open.clear()

    async def _answered(self, asked: Question) -> Question:
        waiting = AwaitAnswerRequest(id=asked.id, wait_seconds=_POLL_SECONDS)
        limit = _POLL_SECONDS + _POLL_MARGIN
        self._open.add(asked.id)
        while asked.state is QuestionState.OPEN:
            asked = (await self._core.polls.call(lambda core: core.await_answer(waiting), limit=limit)).question
        self._open.discard(asked.id)
        return asked

    @contextlib.contextmanager
    def _wait(self, tool: str, question: str) -> Iterator[None]:
        if not self._waiting:
            self._since = self._clock.monotonic()
        self._waiting += 1
        self._show(f"An operator is asked whether it may use {tool} ({question}).")
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._waited += self._clock.monotonic() - self._since
                self._show(None)


def _readable(request: PermitRequest) -> str:
    """A command as it is typed, and what else goes with it; anything else as JSON."""
    command = request.arguments.get("command")
    if not isinstance(command, str):
        return _json(request.arguments)
    # Whoever says yes says it to all of them; what the model calls its command is no argument.
    others = {name: value for name, value in request.arguments.items() if name not in ("command", "description")}
    return f"{_json(others)}\n\n{command}" if others else command


def _json(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, indent=1, ensure_ascii=False)


def _reply(asked: Question) -> PermitReply:
    """What the model reads when the answer is not yes."""
    match asked.state:
        case QuestionState.ANSWERED if asked.choices == [ALLOW]:
            return PermitReply(allowed=True)
        case QuestionState.ANSWERED:
            note = f": {asked.answer}" if asked.answer else "."
            return PermitReply(
                allowed=False,
                message=f"{asked.resolved_by} said no{note} {_NOTHING_DONE}; go on without it, "
                "or say what you need it for.",
            )
        case QuestionState.EXPIRED:
            return PermitReply(
                allowed=False,
                message=f"No operator has answered in time, which means no. {_NOTHING_DONE}; go on without it, "
                "or end your turn and say what you wait for.",
            )
        case _:
            return PermitReply(allowed=False, message=f"The question was taken back. {_NOTHING_DONE}.")
