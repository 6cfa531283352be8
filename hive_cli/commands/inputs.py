"""`hive inputs`: what the meta flake pins."""

from datetime import UTC, datetime

import click

from hive_cli.output import ago, console, say, table, words
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator import InputsReply, OperatorRequest


def _print(reply: InputsReply) -> None:
    rows = table("INPUT", "REVISION", "AGE", "FROM")
    now = datetime.now(UTC)
    for entry in reply.inputs:
        age = ago(entry.modified_at, now) if entry.modified_at is not None else "-"
        rows.add_row(words(entry.name), words((entry.revision or "-")[:12]), words(age), words(entry.url, "dim"))
    console().print(rows)


@click.command()
@click.option("--flake", is_flag=True, help="Print the text of the meta flake instead.")
@talks
def inputs(talk: Talk, flake: bool) -> None:
    """Show what the meta flake pins, and how old it is."""
    reply = talk.call(lambda core: core.inputs(OperatorRequest()))
    talk.show(reply, lambda: say(reply.flake.rstrip("\n")) if flake else _print(reply))
