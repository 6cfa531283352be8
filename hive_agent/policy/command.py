"""`hive-agent simulate-policy` and `make-trace`."""

import json
from typing import BinaryIO

import click

from hive_agent.policy.compare import compare
from hive_agent.policy.costs import Sizes
from hive_agent.policy.families import DEFAULT_MODEL, FAMILIES, generate
from hive_agent.policy.trace import parse
from hive_base.prices import CacheLifetime
from hive_rpc.errors import InvalidError

_LIFETIMES = {"5m": CacheLifetime.FIVE_MINUTES, "1h": CacheLifetime.ONE_HOUR}


@click.command("simulate-policy")
@click.argument("trace", type=click.File("rb"))
@click.option(
    "--cache",
    type=click.Choice(list(_LIFETIMES)),
    default="5m",
    show_default=True,
    help="How long the prompt cache lives: 5m with an API key, 1h with a subscription.",
)
@click.option("--rework", type=click.IntRange(min=0), help="Tokens of rework at each reset, in place of the trace's.")
def simulate(trace: BinaryIO, cache: str, rework: int | None) -> None:
    """Say what a trace of turns costs with our session policy, with fixed rules, and at best.

    One JSON object a line: {"t", "new_tokens", "output_tokens", "model", "rework_tokens"}; t in seconds.
    """
    try:
        turns = parse(trace.read().decode("utf-8-sig", errors="replace"))
    except InvalidError as error:
        raise click.ClickException(error.sentence()) from error
    if rework is not None:
        turns = turns.with_rework(rework)
    found = compare(turns, _LIFETIMES[cache], Sizes())
    click.echo(json.dumps({name: outcome.as_object() for name, outcome in found.outcomes.items()}, indent=2))


@click.command("make-trace")
@click.argument("family", type=click.Choice(list(FAMILIES)))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--rework", type=click.IntRange(min=0), default=0, show_default=True, help="Tokens at each reset.")
@click.option("--model", default=DEFAULT_MODEL, show_default=True)
def make_trace(family: str, seed: int, rework: int, model: str) -> None:
    """Print a trace for simulate-policy; the same seed gives the same trace."""
    for turn in generate(family, seed=seed, rework=rework, model=model).turns:
        click.echo(turn.model_dump_json())
