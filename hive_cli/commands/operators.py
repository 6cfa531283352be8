"""`hive operator`: who may sign in to the dashboard."""

import click

from hive_cli.output import console, local, note, say, table, words, zoned
from hive_cli.parameters import read_secret
from hive_cli.talk import Talk, require, talks
from hive_rpc.interfaces.operator.people import (
    InviteReply,
    InviteRequest,
    OperatorsReply,
    SetPasswordRequest,
    TokenRequest,
)
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import Role


@click.group()
def operator() -> None:
    """Manage who may sign in to the dashboard."""


def _print_invitation(name: str, reply: InviteReply) -> None:
    say(reply.url or reply.token)
    note(f"Signs {name} in once, as {reply.role}, until {zoned(reply.expires_at)}.")


@operator.command()
@click.argument("name")
@click.option("--role", type=click.Choice([r.value for r in Role]), default=Role.VIEWER.value, show_default=True)
@talks
def invite(talk: Talk, name: str, role: str) -> None:
    """Print a one-time sign-in link; an account that is not there is made with the role."""
    reply = talk.call(lambda core: core.invite(InviteRequest(name=name, role=Role(role))))
    talk.show(reply, lambda: _print_invitation(name, reply))


@operator.command()
@click.argument("name")
@talks
def passwd(talk: Talk, name: str) -> None:
    """Set an operator's password, asked for on a terminal, else the first line of standard input."""
    password = read_secret(f"New password for {name}")
    require(bool(password), "The password is empty: nothing was changed. Give one on standard input.")
    reply = talk.call(lambda core: core.set_password(SetPasswordRequest(name=name, new_password=password)))
    talk.done(reply, f"The password of {name} is set, and nobody is signed in as {name} any more.")


@operator.command()
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True)
@talks
def token(talk: Talk, name: str, days: int) -> None:
    """Print a token for a program that reads, such as Prometheus from the dashboard's /metrics."""
    reply = talk.call(lambda core: core.create_token(TokenRequest(name=name, days=days)))
    talk.show(reply, lambda: say(reply.token))


def _print_operators(reply: OperatorsReply) -> None:
    if not reply.operators:
        say("No operators yet: `hive operator invite NAME` makes one.")
        return
    rows = table("NAME", "ROLE", "PASSWORD", "SINCE")
    for account in reply.operators:
        password = words("set") if account.has_password else words("none", "yellow")
        rows.add_row(words(account.name, "bold"), words(account.role.value), password, words(local(account.created_at)))
    console().print(rows)


@operator.command("list")
@talks
def list_operators(talk: Talk) -> None:
    """Show who may sign in."""
    reply = talk.call(lambda core: core.operators(OperatorRequest()))
    talk.show(reply, lambda: _print_operators(reply))
