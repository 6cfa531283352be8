"""What a tool is: a name, a description, a model of its arguments, and what it does with them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import CoreSchema

from hive_rpc.interfaces.manager import Manager
from hive_rpc.interfaces.runner import Runner
from hive_rpc.types import Model

MAX_WAIT_SECONDS = 50
"""A tool that waits longer than a minute looks dead to the CLI."""


class Arguments(BaseModel):
    """What the model says when it uses a tool; a word that the tool does not know is refused, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(Arguments):
    pass


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class Harness:
    """The lines to the harness."""

    calls: Runner
    polls: Runner
    """For what waits: replies come in the order of the calls."""
    manager: Manager
    model_uid: int | None = None
    """Whose the repositories of proposals are; None is the runner's own user (outside a container)."""


@dataclass(frozen=True)
class Tool(Generic[A]):
    name: str
    description: str
    arguments: type[A]
    use: Callable[[Harness, A], Awaitable[str]]
    """Returns what is said to the model. Raises HiveError."""
    read_only: bool = False

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        return self.arguments.model_json_schema(schema_generator=_Untitled)


def json_of(model: Model) -> str:
    """As the model reads it: what is not there is left out."""
    return model.model_dump_json(indent=1, exclude_none=True)


class _Untitled(GenerateJsonSchema):
    """Without titles, which only repeat the names, and without the class's docstring: the tool has its own words."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().model_schema(schema)
        return {key: value for key, value in made.items() if key not in {"title", "description"}}

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        # What may be left out is left out; nobody needs to say null.
        inner: CoreSchema = schema["schema"]
        return self.generate_inner(inner)

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            made.pop("default")
        return made
