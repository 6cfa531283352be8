"""A trace: an agent's turns as they came, for the simulator."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hive_rpc.errors import InvalidError


class TraceTurn(BaseModel):
    """One line of a trace file."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    t: float = Field(allow_inf_nan=False)
    """Seconds, since any moment; never less than in the line before."""
    new_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    model: str | None = None
    rework_tokens: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Trace:
    turns: Sequence[TraceTurn]

    def with_rework(self, tokens: int) -> "Trace":
        """The same turns, each with this rework after a reset."""
        return replace(self, turns=[turn.model_copy(update={"rework_tokens": tokens}) for turn in self.turns])


def parse(text: str) -> Trace:
    """Of a file with one JSON object a line. Raises InvalidError, which names the line."""
    turns: list[TraceTurn] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            turn = TraceTurn.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the line"
            raise InvalidError(f"Line {number} of the trace is not a turn: {where}: {first['msg']}.") from error
        if turns and turn.t < turns[-1].t:
            raise InvalidError(f"Line {number} of the trace is earlier than the one before it.")
        turns.append(turn)
    if not turns:
        raise InvalidError("The trace has no turns.", hint="Give one JSON object a line; `hive-agent make-trace` does.")
    return Trace(turns)
