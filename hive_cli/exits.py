"""The exit codes, which scripts rely on, and the one place where an error becomes one of them."""

from enum import IntEnum
from typing import IO, Any

import click

from hive_rpc.errors import HiveError, TimedOutError, UnavailableError


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    """Refused or failed; one sentence on stderr says what happened and what to do."""
    USAGE = 2
    TIMED_OUT = 3
    UNREACHABLE = 4
    INTERRUPTED = 130
    """Ctrl-C, as a shell reports it (128 + SIGINT)."""


class CommandFailedError(click.ClickException):
    """Ends the program with a sentence on stderr."""

    exit_code = Exit.FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        from hive_cli.output import harmless

        click.echo(f"hive: {harmless(self.message)}", err=True, file=file)


class CommandTimedOutError(CommandFailedError):
    """It did not happen in time."""

    exit_code = Exit.TIMED_OUT


class HiveUnreachableError(CommandFailedError):
    """Nobody answers."""

    exit_code = Exit.UNREACHABLE


def failure(error: HiveError) -> CommandFailedError:
    """What an error from the hive means to the shell."""
    if isinstance(error, TimedOutError):
        return CommandTimedOutError(error.sentence())
    if isinstance(error, UnavailableError):
        return HiveUnreachableError(error.sentence())
    return CommandFailedError(error.sentence())
