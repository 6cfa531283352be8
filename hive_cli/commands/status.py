"""`hive status`."""

from datetime import datetime

import click
from rich.text import Text

from hive_base.clock import SystemClock
from hive_cli.output import ago, console, duration, harmless, table, words
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.hive import AgentStatus, HiveStatus, StatusReply
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import AgentState, ContainerState, Turn, TurnOutcome

_STATE_STYLES = {
    AgentState.IDLE: "green",
    AgentState.THINKING: "cyan",
    AgentState.COMPACTING: "cyan",
    AgentState.PARKED: "yellow",
    AgentState.PAUSED: "yellow",
    AgentState.NEEDS_LOGIN: "bold red",
    AgentState.FAILED: "bold red",
}


def _clock_time(moment: datetime, now: datetime) -> str:
    there, here = moment.astimezone(), now.astimezone()
    return f"{there:%H:%M %Z}" if there.date() == here.date() else f"{there:%Y-%m-%d %H:%M %Z}"


def state_words(agent: AgentStatus, now: datetime) -> Text:
    """`parked: rate limit until 14:05 CET`."""
    said = agent.state.value.replace("_", " ")
    if agent.reason:
        said += f": {agent.reason}"
    if agent.until:
        said += f" until {_clock_time(agent.until, now)}"
    return words(said, _STATE_STYLES.get(agent.state, ""))


def turn_words(turn: Turn | None, now: datetime) -> Text:
    """`ok 5m ago, 12s`; while it runs, `running for 40s`."""
    if turn is None:
        return words(None)
    if turn.outcome is None:
        return words(f"running for {ago(turn.started_at, now)}", "cyan")
    said = turn.outcome.value.replace("_", " ")
    if turn.ended_at:
        said += f" {ago(turn.ended_at, now)} ago"
    if turn.duration_seconds is not None:
        said += f", took {duration(turn.duration_seconds)}"
    return words(said, "" if turn.outcome is TurnOutcome.OK else "red")


def _hive_lines(hive: HiveStatus, now: datetime) -> list[Text]:
    health = (
        words("no agent has failed", "green") if hive.healthy else words("not healthy: see `hive doctor`", "bold red")
    )
    up = harmless(f" {hive.version}, up for {ago(hive.since, now)}, ")
    lines = [Text.assemble((harmless(hive.name), "bold"), up, health)]
    if hive.stopped:
        lines.append(words(f"Everything is stopped: {hive.stopped}. `hive resume-all` undoes it.", "bold red"))
    if not hive.gateway:
        lines.append(words("The gateway is not connected: agents cannot reach their model.", "bold red"))
    elif hive.stand_in:
        lines.append(words("No account is configured: the stand-in model answers.", "yellow"))
    elif hive.model_backend:
        lines.append(words(f"Model: {hive.model_backend}"))
    if hive.dashboard:
        lines.append(words(f"Dashboard: {hive.dashboard}"))
    return lines


def _print(reply: StatusReply, now: datetime) -> None:
    out = console()
    for line in _hive_lines(reply.hive, now):
        out.print(line)
    if not reply.agents:
        out.print("No agents yet: `hive spawn NAME` makes one.")
        return
    agents = table("NAME", "STATE", "SINCE", "CONTAINER", "MODEL", "LAST TURN", "UNREAD")
    for agent in reply.agents:
        agents.add_row(
            words(agent.name, "bold"),
            state_words(agent, now),
            words(ago(agent.since, now)),
            words(agent.container.value, "red" if agent.container is ContainerState.FAILED else ""),
            words(agent.model),
            turn_words(agent.last_turn, now),
            words(str(agent.unread), "bold" if agent.unread else "dim"),
        )
    out.print()
    out.print(agents)


@click.command()
@talks
def status(talk: Talk) -> None:
    """Show the hive and each agent: state, since when, container, model, last turn, unread messages."""
    reply = talk.call(lambda core: core.status(OperatorRequest()))
    talk.show(reply, lambda: _print(reply, SystemClock().now()))
