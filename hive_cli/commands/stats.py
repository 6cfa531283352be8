"""`hive stats`."""

import re
from typing import Any

import click
from rich.text import Text

from hive_base.clock import SystemClock
from hive_cli.output import ago, console, table, words
from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.events import TurnStats, TurnStatsReply, TurnStatsRequest
from hive_rpc.types import tool_words

_UNITS = {"m": 60, "h": 3600, "d": 86400}
_MOST_TOOLS = 12


class Span(click.ParamType[float]):
    """`90m`, `12h` or `7d`, in seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"(\d{1,6})([mhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is no span of time: say `90m`, `12h` or `7d`.", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


def _counts(counts: dict[str, int], most: int | None = None) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    said = ", ".join(f"{name} {count}" for name, count in ordered[:most])
    return said + (f" and {len(ordered) - most} more" if most and len(ordered) > most else "")


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _rows(total: TurnStats) -> list[tuple[str, str]]:
    used = total.usage
    return [
        ("turns", f"{total.turns}" + (f", {total.running} running" if total.running else "")),
        ("outcomes", _counts(total.outcomes).replace("_", " ")),
        ("woken by", _counts(total.wake_reasons).replace("_", " ")),
        ("duration", f"half within {_seconds(total.p50_seconds)}, 95 % within {_seconds(total.p95_seconds)}"),
        ("cost", f"{total.cost_usd:.4f} USD"),
        ("tokens", f"{used.input_tokens} input, {used.output_tokens} output"),
        ("cache", f"{used.cache_read_tokens} read, {used.cache_creation_tokens} written"),
        ("tools", _counts({tool_words(name): count for name, count in total.tools.items()}, _MOST_TOOLS)),
    ]


def _print(reply: TurnStatsReply, name: str | None) -> None:
    out = console()
    out.print(Text(f"{name or 'All agents'}, the last {ago(reply.total.since, SystemClock().now())}"))
    shown = table("", "")
    shown.show_header = False
    for label, said in _rows(reply.total):
        shown.add_row(words(label, "bold"), words(said))
    out.print(shown)


@click.command()
@click.argument("name", type=AGENT, required=False)
@click.option("--since", type=Span(), default="24h", show_default=True, help="How far back: 90m, 12h, 7d; 90d at most.")
@talks
def stats(talk: Talk, name: str | None, since: float) -> None:
    """Show how turns went: outcomes, times, tokens, cost, tools."""
    request = TurnStatsRequest(agent=name, since_seconds=since)
    reply = talk.call(lambda core: core.stats(request))
    talk.show(reply, lambda: _print(reply, name))
