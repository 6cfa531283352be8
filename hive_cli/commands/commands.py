"""Commands to an agent: `hive cancel`, `compact`, `new-session`, `model`, `effort`, `pause`, `resume`, `wake`."""

import click

from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.commands import AgentCommandKind, AgentCommandState, Effort
from hive_rpc.interfaces.operator.lives import CommandAgentRequest


def _ask(talk: Talk, name: str, kind: AgentCommandKind, done: str, value: str | None = None) -> None:
    request = CommandAgentRequest(name=name, kind=kind, value=value)
    reply = talk.call(lambda core: core.command_agent(request))
    queued = reply.command.state is AgentCommandState.QUEUED
    talk.done(reply, f"Queued: {done}" if queued else done)


@click.command()
@click.argument("name", type=AGENT)
@talks
def cancel(talk: Talk, name: str) -> None:
    """End the turn that an agent is in; its message is done with."""
    _ask(talk, name, AgentCommandKind.CANCEL, f"{name} ends its turn.")


@click.command()
@click.argument("name", type=AGENT)
@talks
def compact(talk: Talk, name: str) -> None:
    """Have an agent's conversation replaced by a summary, when no turn runs."""
    _ask(talk, name, AgentCommandKind.COMPACT, f"{name} compacts its conversation.")


@click.command("new-session")
@click.argument("name", type=AGENT)
@talks
def new_session(talk: Talk, name: str) -> None:
    """Begin an agent's next turn in a new conversation, with a hand-over note."""
    _ask(talk, name, AgentCommandKind.NEW_SESSION, f"{name} begins a new conversation.")


@click.command()
@click.argument("name", type=AGENT)
@click.argument("model", required=False)
@talks
def model(talk: Talk, name: str, model: str | None) -> None:
    """Run an agent with MODEL from its next turn on; without MODEL with that of its agent.toml."""
    words = model or "the model of its agent.toml"
    _ask(talk, name, AgentCommandKind.MODEL, f"{name} uses {words} from its next turn on.", model)


@click.command()
@click.argument("name", type=AGENT)
@click.argument("level", required=False, type=click.Choice([level.value for level in Effort]))
@talks
def effort(talk: Talk, name: str, level: str | None) -> None:
    """Let an agent's model think as hard as LEVEL from its next turn on; without LEVEL as it does by itself."""
    words = f"effort {level}" if level else "its model's own effort"
    _ask(talk, name, AgentCommandKind.EFFORT, f"{name} uses {words} from its next turn on.", level)


@click.command()
@click.argument("name", type=AGENT)
@talks
def pause(talk: Talk, name: str) -> None:
    """Let an agent begin no further turn; one that runs goes on to its end."""
    _ask(talk, name, AgentCommandKind.PAUSE, f"{name} begins no further turn.")


@click.command()
@click.argument("name", type=AGENT)
@talks
def resume(talk: Talk, name: str) -> None:
    """End an agent's pause."""
    _ask(talk, name, AgentCommandKind.RESUME, f"{name} goes on.")


@click.command()
@click.argument("name", type=AGENT)
@talks
def wake(talk: Talk, name: str) -> None:
    """Let a parked agent try again now, also past a limit that holds its account."""
    _ask(talk, name, AgentCommandKind.WAKE, f"{name} tries again.")
