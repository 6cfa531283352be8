"""`hive egress`."""

import click

from hive_cli.output import console, local, say, table, words
from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.accounts import Verdict
from hive_rpc.interfaces.operator.spending import EgressLogReply, EgressLogRequest

_STYLES = {Verdict.ALLOWED: "green", Verdict.REFUSED: "red", Verdict.FAILED: "yellow"}


@click.group()
def egress() -> None:
    """See where agents connect to. What they may reach is `egress` in their agent.toml."""


def _print(reply: EgressLogReply, agent: str | None) -> None:
    if not reply.entries:
        say(f"No connection of {agent}." if agent else "No agent has connected to anything.")
        return
    rows = table("ID", "WHEN", "AGENT", "TO", "VERDICT", "SENT", "RECEIVED", "SECONDS", "")
    for entry in reply.entries:
        rows.add_row(
            words(str(entry.id), "dim"),
            words(local(entry.at)),
            words(entry.agent, "bold"),
            words(f"{entry.host}:{entry.port}"),
            words(entry.verdict.value, _STYLES[entry.verdict]),
            words(str(entry.sent)),
            words(str(entry.received)),
            words(f"{entry.seconds:.1f}"),
            words(entry.detail, "dim") if entry.detail else "",
        )
    console().print(rows)


@egress.command()
@click.argument("agent", type=AGENT, required=False)
@click.option("-n", "--limit", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--before", type=int, metavar="ID", help="Only older entries than this one.")
@talks
def log(talk: Talk, agent: str | None, limit: int, before: int | None) -> None:
    """Show connections, newest first."""
    request = EgressLogRequest(agent=agent, before=before, limit=limit)
    reply = talk.call(lambda core: core.egress_log(request))
    talk.show(reply, lambda: _print(reply, agent))
