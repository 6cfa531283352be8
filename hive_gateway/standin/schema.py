"""The smallest value that fits a JSON schema, for requests that ask for structured output."""

from collections.abc import Mapping
from typing import Any

_SIMPLE: Mapping[str, Any] = {"string": "stand-in", "integer": 0, "number": 0, "boolean": False, "array": []}


def example(schema: Mapping[str, Any]) -> Any:
    """A value of the schema's type, with every property that it names. Constraints on values are not looked at."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("anyOf"):
        return example(schema["anyOf"][0])
    if schema.get("type") == "object" or "properties" in schema:
        return {name: example(part) for name, part in schema.get("properties", {}).items()}
    return _SIMPLE.get(str(schema.get("type")))
