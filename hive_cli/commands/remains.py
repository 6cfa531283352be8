"""`hive revive`: bringing a destroyed agent back."""

import click

from hive_cli.output import console, local, say, table, words
from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.lives import TombstonesReply
from hive_rpc.interfaces.operator.request import AgentRequest, OperatorRequest


def _print(reply: TombstonesReply) -> None:
    if not reply.tombstones:
        say("Nobody can be revived.")
        return
    rows = table("NAME", "DESTROYED", "BY")
    for stone in reply.tombstones:
        rows.add_row(words(stone.agent), words(local(stone.destroyed_at)), words(stone.destroyed_by))
    console().print(rows)


@click.command()
@click.argument("name", type=AGENT, required=False)
@talks
def revive(talk: Talk, name: str | None) -> None:
    """Bring a destroyed agent back with its files and its configuration; without a NAME show who can be."""
    if name is None:
        stones = talk.call(lambda core: core.tombstones(OperatorRequest()))
        talk.show(stones, lambda: _print(stones))
        return
    reply = talk.call(lambda core: core.revive(AgentRequest(name=name)), doing=f"Reviving {name} ...")
    talk.done(reply, f"{name} is back.")
