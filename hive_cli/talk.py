"""What every command that talks to the hive shares: its options, its one call, and how the result is shown."""

import asyncio
import functools
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
from pydantic import ValidationError
from rich.console import Console

from hive_cli import output
from hive_cli.connection import operator
from hive_cli.exits import CommandFailedError, Exit, failure
from hive_cli.locate import operator_socket
from hive_rpc.errors import HiveError
from hive_rpc.faults import from_validation
from hive_rpc.interfaces.operator import Operator
from hive_rpc.types import Model

M = TypeVar("M", bound=Model)
T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True)
class Talk:
    """One command's connection and its way of printing."""

    socket: Path
    json: bool

    def run(self, work: Awaitable[T]) -> T:
        """Run to the end; an error of the hive or Ctrl-C ends the program with its exit code."""

        async def whole() -> T:
            return await work

        try:
            return asyncio.run(whole())
        except HiveError as error:
            raise failure(error) from error
        except KeyboardInterrupt:
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None

    def call(self, ask: Callable[[Operator], Awaitable[M]], *, doing: str | None = None) -> M:
        """One call on a connection of its own. `doing` is shown on a terminal while it lasts."""

        async def work() -> M:
            async with operator(self.socket) as core:
                return await ask(core)

        with self._spinner(doing):
            return self.run(work())

    def stream(self, ask: Callable[[Operator], AsyncIterator[M]], show: Callable[[M], None]) -> None:
        """Show each reply as it comes; with `--json` one line each."""

        async def work() -> None:
            async with operator(self.socket) as core:
                async for reply in ask(core):
                    if self.json:
                        sys.stdout.write(output.as_json(reply, indent=None) + "\n")
                    else:
                        show(reply)
                    sys.stdout.flush()

        self.run(work())

    def show(self, reply: Model, human: Callable[[], None]) -> None:
        """The reply as JSON, or what `human` prints."""
        if self.json:
            sys.stdout.write(output.as_json(reply) + "\n")
        else:
            human()

    def done(self, reply: Model, sentence: str) -> None:
        self.show(reply, lambda: output.say(sentence))

    @staticmethod
    def _spinner(doing: str | None) -> AbstractContextManager[Any]:
        if doing is None or not sys.stderr.isatty():
            return nullcontext()
        return Console(stderr=True).status(doing)


def talks(command: Callable[Concatenate[Talk, P], None]) -> Callable[P, None]:
    """Give a command `--json` and `--state`, and a `Talk` made of them as its first argument."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON, exactly as it came from the hive.")
    @click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="HIVE_STATE",
        help="The hive's state directory. Default: the nearest .hive upward, else the hive of this host.",
    )
    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.pop("as_json"))
        state = kwargs.pop("state")
        assert state is None or isinstance(state, Path)
        try:
            return command(Talk(operator_socket(state), as_json), *args, **kwargs)
        except ValidationError as error:
            # A request cannot be made of what was given; what the hive replied has been looked at by then.
            raise failure(from_validation(error)) from error

    return wrapped


def require(condition: bool, sentence: str) -> None:
    """Refuse with exit code 1."""
    if not condition:
        raise CommandFailedError(sentence)
