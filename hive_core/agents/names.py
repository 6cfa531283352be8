"""What an agent may be called."""

from pydantic import TypeAdapter, ValidationError

from hive_rpc.errors import InvalidError
from hive_rpc.types import MAX_AGENT_NAME, RESERVED_NAMES, AgentName

_NAME = TypeAdapter[str](AgentName)


def checked_name(name: str) -> str:
    """Raises InvalidError for a name that no agent can have."""
    try:
        _NAME.validate_python(name, strict=True)
    except ValidationError:
        raise InvalidError(
            f"{name!r} cannot be an agent's name.",
            field="name",
            hint=f"Use up to {MAX_AGENT_NAME} lower-case letters, digits and single hyphens, beginning with a letter.",
        ) from None
    if name in RESERVED_NAMES:
        raise InvalidError(
            f"The name {name} is reserved.", field="name", hint="It means something else in messages; choose another."
        )
    return name
