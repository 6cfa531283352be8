"""Parameter types that are checked before the hive is asked."""

import os
import sys
from typing import Any, TextIO

import click
from pydantic import TypeAdapter, ValidationError

from hive_rpc.accounts import MAX_ACCOUNT_NAME, AccountName
from hive_rpc.types import MAX_AGENT_NAME, AgentName


class NameType(click.ParamType[str]):
    """A name of the pattern that agents and accounts have in common."""

    name = "name"

    def __init__(self, whose: str, annotation: Any, longest: int) -> None:
        self._whose = whose
        self._adapter: TypeAdapter[str] = TypeAdapter(annotation)
        self._longest = longest

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return self._adapter.validate_python(value)
        except ValidationError:
            self.fail(
                f"{value!r} is not {self._whose} name: lower-case letters, digits and single hyphens, "
                f"beginning with a letter, {self._longest} characters at most.",
                param,
                ctx,
            )


class TextOrStdin(click.ParamType[str]):
    """A text, or `-` for everything on standard input."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        # Bytes of an argument that are not UTF-8 come as lone surrogates, which no message can hold.
        where, given = ("standard input", sys.stdin.buffer.read()) if value == "-" else ("it", os.fsencode(value))
        try:
            return given.decode()
        except UnicodeDecodeError as error:
            self.fail(f"{where} is not UTF-8 at byte {error.start}.", param, ctx)


AGENT = NameType("an agent's", AgentName, MAX_AGENT_NAME)
ACCOUNT = NameType("an account's", AccountName, MAX_ACCOUNT_NAME)
TEXT = TextOrStdin()


def read_text(file: TextIO, option: str) -> str:
    """All of a file that was given with this option."""
    try:
        return file.read()
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"{file.name} is not UTF-8 at byte {error.start}.", param_hint=option) from error


def read_secret(prompt: str, *, twice: bool = True) -> str:
    """A password or a code: asked for on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True))
    return sys.stdin.readline().rstrip("\r\n")
