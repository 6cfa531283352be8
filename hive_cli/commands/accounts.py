"""`hive account`: what the agents' requests are paid with."""

from pathlib import Path

import click

from hive_cli.output import console, note, say, table, words, zoned
from hive_cli.parameters import ACCOUNT, AGENT, read_secret
from hive_cli.talk import Talk, require, talks
from hive_rpc.accounts import AccountKind, AccountState
from hive_rpc.interfaces.operator.accounts import (
    AccountRequest,
    AccountsReply,
    AddAccountRequest,
    FinishLoginRequest,
    LoginReply,
    UseAccountRequest,
)
from hive_rpc.interfaces.operator.request import OperatorRequest

_MOST_OF_A_FILE = 64 * 1024
_STYLES = {AccountState.READY: "green", AccountState.HELD: "yellow", AccountState.NEEDS_LOGIN: "red"}


@click.group()
def account() -> None:
    """Manage the accounts that agents' requests are paid with."""


@account.command()
@click.argument("name", type=ACCOUNT)
@click.option("--api-key-file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--setup-token-file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--stand-in", is_flag=True, help="The stand-in model: nothing is paid.")
@click.option("--base-url", metavar="URL", help="Another provider with the same API.")
@talks
def add(
    talk: Talk,
    name: str,
    api_key_file: Path | None,
    setup_token_file: Path | None,
    stand_in: bool,
    base_url: str | None,
) -> None:
    """Add an account, or give one a new secret. `-` as a file is standard input."""
    chosen = [
        (kind, file)
        for kind, file in (
            (AccountKind.API_KEY, api_key_file),
            (AccountKind.SETUP_TOKEN, setup_token_file),
            (AccountKind.STAND_IN, Path("/dev/null") if stand_in else None),
        )
        if file is not None
    ]
    if len(chosen) != 1:
        raise click.UsageError("Give one of --api-key-file, --setup-token-file and --stand-in.")
    kind, file = chosen[0]
    with click.open_file(str(file), "rb") as opened:
        # Whatever a file holds, the gateway says what no key has.
        secret = opened.read(_MOST_OF_A_FILE).decode("latin-1").strip()
    request = AddAccountRequest(name=name, kind=kind, secret=secret, base_url=base_url)
    before = talk.call(lambda core: core.accounts(OperatorRequest()))
    reply = talk.call(lambda core: core.add_account(request))
    if any(status.account.name == name for status in before.accounts):
        talk.done(reply, f"The account {name} is replaced: requests that begin from now on use what was given.")
    else:
        talk.done(reply, f"The account {name} is stored. `hive account use AGENT {name}` has an agent use it.")


def _print_accounts(reply: AccountsReply) -> None:
    if not reply.accounts:
        say("The gateway has not said which accounts there are.")
        return
    rows = table("NAME", "KIND", "STATE", "LIMITS", "AGENTS", "")
    for status in reply.accounts:
        found = status.account
        until = f" until {zoned(found.held_until)}" if found.held_until else ""
        limits = ", ".join(
            f"{window.name} {window.utilization:.0%}" for window in found.limits if window.utilization is not None
        )
        remark = "; ".join(text for text in (found.reason, "from systemd" if found.read_only else "") if text)
        rows.add_row(
            words(found.name, "bold"),
            words(found.kind.value.replace("_", "-")),
            words(found.state.value + until, _STYLES[found.state]),
            words(limits or None),
            words(", ".join(status.agents) or None),
            words(remark, "dim") if remark else "",
        )
    console().print(rows)


@account.command("list")
@talks
def list_accounts(talk: Talk) -> None:
    """Show the accounts, how they fare, and who uses them."""
    reply = talk.call(lambda core: core.accounts(OperatorRequest()))
    talk.show(reply, lambda: _print_accounts(reply))


@account.command()
@click.argument("name", type=ACCOUNT)
@talks
def remove(talk: Talk, name: str) -> None:
    """Forget an account that no agent uses."""
    reply = talk.call(lambda core: core.remove_account(AccountRequest(name=name)))
    talk.done(reply, f"The account {name} is gone.")


@account.command()
@click.argument("agent", type=AGENT)
@click.argument("name", type=ACCOUNT, required=False)
@talks
def use(talk: Talk, agent: str, name: str | None) -> None:
    """Have an agent use an account; without NAME what its agent.toml says."""
    reply = talk.call(lambda core: core.use_account(UseAccountRequest(agent=agent, account=name)))
    talk.done(reply, f"{agent} uses {f'the account {name}' if name else 'what its agent.toml says'} from now on.")


@account.command()
@click.argument("name", type=ACCOUNT)
@talks
def login(talk: Talk, name: str) -> None:
    """Log in to a subscription: open the address that is printed, and give the code that it shows."""
    begun: LoginReply = talk.call(
        lambda core: core.begin_login(AccountRequest(name=name)), doing="Beginning a login beside the gateway"
    )
    say(begun.login.address)
    note(f"Open it in a browser and agree; until {zoned(begun.login.expires_at)}.")
    code = read_secret("The code that it shows", twice=False).strip()
    require(bool(code), "No code was given: the account is as it was.")
    request = FinishLoginRequest(login=begun.login.id, code=code)
    reply = talk.call(lambda core: core.finish_login(request), doing="Logging in")
    talk.done(reply, f"The account {name} is logged in.")
