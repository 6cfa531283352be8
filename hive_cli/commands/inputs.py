"""`hive inputs`: what the meta flake pins, and pinning what is new."""

from datetime import UTC, datetime

import click

from hive_cli.commands.approvals import decide
from hive_cli.output import ago, console, say, table, words
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.configuration import InputsReply, UpdateInputsRequest
from hive_rpc.interfaces.operator.request import OperatorRequest


def _print(reply: InputsReply) -> None:
    rows = table("INPUT", "REVISION", "AGE", "FROM")
    now = datetime.now(UTC)
    for entry in reply.inputs:
        age = ago(entry.modified_at, now) if entry.modified_at is not None else "-"
        rows.add_row(words(entry.name), words((entry.revision or "-")[:12]), words(age), words(entry.url, "dim"))
    console().print(rows)


@click.group(invoke_without_command=True)
@click.option("--flake", is_flag=True, help="Print the text of the meta flake instead.")
@click.pass_context
@talks
def inputs(talk: Talk, context: click.Context, flake: bool) -> None:
    """Show what the meta flake pins, and how old it is; with a command, update it."""
    if context.invoked_subcommand is None:
        reply = talk.call(lambda core: core.inputs(OperatorRequest()))
        talk.show(reply, lambda: say(reply.flake.rstrip("\n")) if flake else _print(reply))


@inputs.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--reason", default="", help="Why.")
@click.option("--yes", is_flag=True, help="Approve it without being asked.")
@talks
def update(talk: Talk, names: tuple[str, ...], reason: str, yes: bool) -> None:
    """Have every agent built from what is new in these inputs, and without a NAME in all of them.

    It is an approval like any other: all agents are switched, in waves, or none.
    """
    request = UpdateInputsRequest(inputs=list(names), reason=reason)
    asked = talk.call(lambda core: core.update_inputs(request), doing="Looking for what is new ...").approval
    decide(talk, asked, yes=yes)
