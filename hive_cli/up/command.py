"""`hive up` and `hive down`."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
from pydantic import SecretStr

from hive_cli.exits import CommandFailedError, Exit
from hive_cli.output import as_json, harmless, note, say, zoned
from hive_cli.up.errors import CannotError
from hive_cli.up.preflight import check_root, read_api_key
from hive_cli.up.start import ADMIN, Start, Up
from hive_cli.up.start import up as bring_up
from hive_cli.up.state import State, default_state
from hive_cli.up.stop import stop
from hive_rpc.types import AgentState, Model

DEFAULT_PORT = 4483
T = TypeVar("T")

state_option = click.option(
    "--state",
    envvar="HIVE_STATE",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where everything of this hive is kept. [default: HIVE_STATE in the environment, else .hive in the checkout]",
)
json_option = click.option("--json", "as_json_text", is_flag=True, help="Print JSON.")


class Down(Model):
    state: str
    stopped: bool
    """False when no hive ran there."""


@click.command()
@state_option
@click.option(
    "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True, help="Of the dashboard."
)
@click.option(
    "--api-key-file",
    type=click.Path(path_type=Path),
    help="A file that holds an Anthropic API key, for this run. [default: ANTHROPIC_API_KEY in the environment]",
)
@json_option
def up(state: Path | None, port: int, api_key_file: Path | None, as_json_text: bool) -> None:
    """Boot a hive on this machine, in a container of its own, and print how to sign in.

    Without an API key a stand-in model answers the agents. A hive that runs already is left as it is.
    """

    async def work() -> Up:
        key = read_api_key(api_key_file, os.environ.get("ANTHROPIC_API_KEY"))
        start = Start(
            state=_state(state),
            port=port,
            api_key=SecretStr(key) if key else None,
            model_base_url=os.environ.get("ANTHROPIC_BASE_URL") or None,
        )
        return await bring_up(start, _progress)

    running = _run(work, interrupted="what this command had started is stopped again")
    if as_json_text:
        say(as_json(running))
    else:
        _print_up(running)


@click.command()
@state_option
@json_option
def down(state: Path | None, as_json_text: bool) -> None:
    """Stop the hive that `hive up` booted. Agents finish their turns first; everything is kept for the next start."""
    where = _state(state)

    async def work() -> Down:
        check_root(os.geteuid())
        return Down(state=str(where.root), stopped=await stop(where, _progress))

    done = _run(work, interrupted="a stop that had begun goes on by itself")
    if as_json_text:
        say(as_json(done))
    elif done.stopped:
        say(f"The hive is stopped. Its state is kept in {done.state}.")
    else:
        say(f"No hive runs in {done.state}.")


def _state(given: Path | None) -> State:
    return State((given or default_state()).absolute().resolve())


def _progress(text: str) -> None:
    note(f"  {text} …")


def _run(work: Callable[[], Awaitable[T]], *, interrupted: str) -> T:
    """To the end; SIGTERM and Ctrl-C let it undo what it began, after which `interrupted` is said."""

    async def whole() -> T:
        task = asyncio.current_task()
        assert task
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work()

    try:
        return asyncio.run(whole())
    except CannotError as error:
        for line in error.log:
            note(f"  | {line}")
        raise CommandFailedError(error.sentence()) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        note(f"hive: interrupted; {interrupted}.")
        raise click.exceptions.Exit(Exit.INTERRUPTED) from None


def _print_up(running: Up) -> None:
    say("The hive is up." if running.started else "The hive runs already, and was left as it is.")
    say(f"  dashboard  {running.dashboard}")
    say(f"  sign in    {running.sign_in}")
    say(f"             works once, until {zoned(running.sign_in_until)}; `hive operator invite {ADMIN}` makes another")
    say(f"  agents     {', '.join(f'{a.name} ({a.state})' for a in running.agents) or 'none yet'}")
    say(f"  model      {running.model_backend}")
    if running.stand_in:
        first = "" if running.started else "`hive down`, then "
        say(f"             {first}set ANTHROPIC_API_KEY or give --api-key-file to talk to the real one")
    for agent in running.agents:
        if agent.state not in (AgentState.IDLE, AgentState.THINKING, AgentState.COMPACTING, AgentState.STOPPED):
            note(f"hive: {agent.name} is {agent.state}: {harmless(agent.reason or f'see `hive logs {agent.name}`')}")
