"""`hive spending`, `hive caps`, `hive stop-all` and `hive resume-all`."""

import click

from hive_base.prices import dollars
from hive_cli.output import console, say, table, words, zoned
from hive_cli.talk import Talk, talks
from hive_rpc.accounts import Caps, Scope, ScopedCaps, Spend
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.interfaces.operator.spending import RaiseCapRequest, SetCapsRequest, SpendingReply, StopAllRequest


def _whose(scope: Scope, name: str) -> str:
    return {Scope.HIVE: "the hive", Scope.ACCOUNT: f"account {name}", Scope.AGENT: name}[scope]


def _target(name: str, is_account: bool) -> tuple[Scope, str]:
    """`hive` is the hive itself: no agent can have that name."""
    if is_account:
        return Scope.ACCOUNT, name
    return (Scope.HIVE, "") if name == "hive" else (Scope.AGENT, name)


def _amounts(caps: Caps) -> str:
    found = []
    for window in ("turn", "hour", "day"):
        usd, tokens = getattr(caps, f"{window}_usd"), getattr(caps, f"{window}_tokens")
        if usd is not None:
            found.append(f"{dollars(usd)} a {window}")
        if tokens is not None:
            found.append(f"{tokens:,} tokens a {window}")
    return ", ".join(found).replace("a hour", "an hour")


def _print(reply: SpendingReply) -> None:
    if reply.stopped:
        say(f"Everything is stopped: {reply.stopped}. `hive resume-all` undoes it.")
    capped: dict[tuple[Scope, str], ScopedCaps] = {(entry.scope, entry.name): entry for entry in reply.caps}
    spent = {(entry.scope, entry.name): entry for entry in reply.spending}
    rows = table("WHO", "THIS HOUR", "TODAY", "TOKENS TODAY", "REQUESTS", "CAPS")
    for key in [*spent, *(key for key in capped if key not in spent)]:
        entry = spent.get(key, Spend(scope=key[0], name=key[1]))
        rows.add_row(
            words(_whose(*key), "bold"),
            words(f"${entry.hour_usd:,.4f}"),
            words(f"${entry.day_usd:,.4f}"),
            words(f"{entry.day_tokens:,}"),
            words(str(entry.requests)),
            words(_amounts(capped[key].caps) if key in capped else None, "dim"),
        )
    console().print(rows)
    for more in reply.raises:
        amount = " and ".join(
            text for text in (dollars(more.usd) * bool(more.usd), f"{more.tokens:,} tokens" * bool(more.tokens)) if text
        )
        say(f"Raised for {_whose(more.scope, more.name)}: {amount} more until {zoned(more.until)}.")
    for hold in reply.holds:
        until = f" until {zoned(hold.until)}" if hold.until else ""
        say(f"Held: {_whose(hold.scope, hold.name)}{until}: {hold.reason}.")


@click.command()
@talks
def spending(talk: Talk) -> None:
    """Show what was spent this hour and today (UTC), and what may be."""
    reply = talk.call(lambda core: core.spending(OperatorRequest()))
    talk.show(reply, lambda: _print(reply))


@click.group()
def caps() -> None:
    """Say how much may be spent. An agent's own caps are in its agent.toml."""


@caps.command("set")
@click.argument("whose")
@click.option("--account", "is_account", is_flag=True, help="WHOSE is an account's name.")
@click.option("--hour-usd", type=click.FloatRange(min=0))
@click.option("--day-usd", type=click.FloatRange(min=0))
@click.option("--hour-tokens", type=click.IntRange(min=0))
@click.option("--day-tokens", type=click.IntRange(min=0))
@talks
def set_caps(
    talk: Talk,
    whose: str,
    is_account: bool,
    hour_usd: float | None,
    day_usd: float | None,
    hour_tokens: int | None,
    day_tokens: int | None,
) -> None:
    """Set all caps of the hive (WHOSE is `hive`) or of an account; without any they are taken away."""
    scope, name = _target(whose, is_account)
    wanted = Caps(hour_usd=hour_usd, day_usd=day_usd, hour_tokens=hour_tokens, day_tokens=day_tokens)
    reply = talk.call(lambda core: core.set_caps(SetCapsRequest(scope=scope, name=name, caps=wanted)))
    talk.done(reply, f"{_whose(scope, name).capitalize()} may spend {_amounts(wanted) or 'without a cap'}.")


@caps.command("raise")
@click.argument("whose")
@click.option("--account", "is_account", is_flag=True, help="WHOSE is an account's name.")
@click.option("--usd", type=click.FloatRange(min=0), default=0.0)
@click.option("--tokens", type=click.IntRange(min=0), default=0)
@talks
def raise_cap(talk: Talk, whose: str, is_account: bool, usd: float, tokens: int) -> None:
    """Let an agent, an account or the hive (WHOSE is `hive`) spend so much more until the end of today (UTC)."""
    scope, name = _target(whose, is_account)
    reply = talk.call(lambda core: core.raise_cap(RaiseCapRequest(scope=scope, name=name, usd=usd, tokens=tokens)))
    talk.done(reply, f"The cap of {_whose(scope, name)} is raised until the end of today (UTC).")


@click.command("stop-all")
@click.option("--reason", default="", help="What is said to whoever asks why.")
@talks
def stop_all(talk: Talk, reason: str) -> None:
    """Refuse every request to a model and every connection to the outside, for all agents, at once."""
    reply = talk.call(lambda core: core.stop_all(StopAllRequest(reason=reason)))
    talk.done(reply, "Everything is stopped. `hive resume-all` undoes it.")


@click.command("resume-all")
@talks
def resume_all(talk: Talk) -> None:
    """Undo `hive stop-all`."""
    reply = talk.call(lambda core: core.resume_all(OperatorRequest()))
    talk.done(reply, "The agents go on.")
