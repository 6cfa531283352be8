"""Parameter types that are checked before the hive is asked."""

import sys
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from hive_rpc.types import MAX_AGENT_NAME, AgentName

_NAME: TypeAdapter[str] = TypeAdapter(AgentName)


class AgentNameType(click.ParamType[str]):
    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return _NAME.validate_python(value)
        except ValidationError:
            self.fail(
                f"{value!r} is not an agent's name: lower-case letters, digits and single hyphens, "
                f"beginning with a letter, {MAX_AGENT_NAME} characters at most.",
                param,
                ctx,
            )


class TextOrStdin(click.ParamType[str]):
    """A text, or `-` for everything on standard input."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value != "-":
            return str(value)
        try:
            return sys.stdin.buffer.read().decode()
        except UnicodeDecodeError as error:
            self.fail(f"standard input is not UTF-8 at byte {error.start}.", param, ctx)


AGENT = AgentNameType()
TEXT = TextOrStdin()


def read_secret(prompt: str, *, twice: bool = True) -> str:
    """A password or a code: asked for on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True))
    return sys.stdin.readline().rstrip("\r\n")
