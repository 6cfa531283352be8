"""`hive spawn`, `start`, `stop` and `restart`: they return when it is done."""

from typing import TextIO

import click

from hive_cli.parameters import AGENT, read_text
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.jobs import RestartAllRequest
from hive_rpc.interfaces.operator.lives import SpawnRequest
from hive_rpc.interfaces.operator.request import AgentRequest


@click.command()
@click.argument("name", type=AGENT)
@click.option("--config", type=click.File(encoding="utf-8"), help="An agent.toml; without it the agent is a worker.")
@talks
def spawn(talk: Talk, name: str, config: TextIO | None) -> None:
    """Create an agent, boot its container and begin its first turn."""
    request = SpawnRequest(name=name, config=None if config is None else read_text(config, "--config"))
    reply = talk.call(lambda core: core.spawn(request), doing=f"Spawning {name} ...")
    talk.done(reply, f"{name} is up.")


@click.command()
@click.argument("name", type=AGENT)
@talks
def start(talk: Talk, name: str) -> None:
    """Boot an agent that is stopped or has failed."""
    reply = talk.call(lambda core: core.start(AgentRequest(name=name)), doing=f"Starting {name} ...")
    talk.done(reply, f"{name} is up.")


@click.command()
@click.argument("name", type=AGENT)
@talks
def stop(talk: Talk, name: str) -> None:
    """Let an agent finish its turn, then stop its container."""
    reply = talk.call(lambda core: core.stop(AgentRequest(name=name)), doing=f"Stopping {name} ...")
    talk.done(reply, f"{name} is stopped.")


@click.command()
@click.argument("name", type=AGENT, required=False)
@click.option("--all", "everybody", is_flag=True, help="Every agent that runs: managers first, then a few at a time.")
@click.option("--reason", default="", help="With --all: told to each of them.")
@talks
def restart(talk: Talk, name: str | None, everybody: bool, reason: str) -> None:
    """Stop an agent, then start it again."""
    if everybody == (name is not None):
        raise click.UsageError("Give the NAME of an agent, or --all.")
    if name is None:
        request = RestartAllRequest(reason=reason or "An operator asked for it.")
        queued = talk.call(lambda core: core.restart_all(request))
        talk.done(queued, f"{len(queued.jobs)} agents are being restarted: `hive deploys` shows how far that is.")
        return
    reply = talk.call(lambda core: core.restart(AgentRequest(name=name)), doing=f"Restarting {name} ...")
    talk.done(reply, f"{name} is up again.")
