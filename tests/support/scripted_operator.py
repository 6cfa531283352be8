"""An Operator interface that gives the answers a test wrote down, and remembers what it was asked."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from hive_rpc.errors import ConflictError
from hive_rpc.interface import methods
from hive_rpc.interfaces.operator import Operator
from hive_rpc.types import Model


class ScriptedOperator(Operator):
    """`answers` maps a method's Python name to a reply, an error to raise, or a list of replies for a stream."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Model]] = []

    def answer(self, name: str, request: Model) -> Any:
        self.asked.append((name, request))
        found = self.answers.get(name, ConflictError(f"No answer is written down for {name}."))
        if isinstance(found, Exception):
            raise found
        return found


def _call(name: str) -> Callable[[ScriptedOperator, Model], Any]:
    async def call(self: ScriptedOperator, request: Model) -> Model:
        reply = self.answer(name, request)
        assert isinstance(reply, Model)
        return reply

    return call


def _stream(name: str) -> Callable[[ScriptedOperator, Model], AsyncIterator[Model]]:
    async def stream(self: ScriptedOperator, request: Model) -> AsyncIterator[Model]:
        for reply in self.answer(name, request):
            yield reply

    return stream


for _method in methods(Operator).values():
    setattr(ScriptedOperator, _method.attribute, (_stream if _method.streaming else _call)(_method.attribute))
