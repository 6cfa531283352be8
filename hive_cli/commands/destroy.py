"""`hive destroy`."""

import click

from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, require, talks
from hive_rpc.interfaces.operator.request import AgentRequest


def _confirm(name: str, *, purge: bool) -> None:
    fate = "and delete its files for good" if purge else "and keep its files"
    try:
        typed = click.prompt(f"This will stop {name}, take it out of the hive, {fate}. Type its name", err=True)
    except click.Abort:
        typed = ""
    require(typed == name, f"Nothing was destroyed: that is not the name {name}. To be asked nothing, use --yes.")


@click.command()
@click.argument("name", type=AGENT)
@click.option("--purge", is_flag=True, help="Delete the agent's files too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@talks
def destroy(talk: Talk, name: str, purge: bool, yes: bool) -> None:
    """Stop an agent and take it out of the hive; its files are kept unless --purge is given."""
    if not yes:
        _confirm(name, purge=purge)
    request = AgentRequest(name=name)
    reply = talk.call(
        lambda core: core.purge(request) if purge else core.destroy(request), doing=f"Destroying {name} ..."
    )
    kept = "and its files are deleted" if purge else f"its files are kept: `hive revive {name}` brings it back"
    talk.done(reply, f"{name} is destroyed, {kept}.")
