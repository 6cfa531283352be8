"""Figures of turns, and the bars that draw them: plain numbers for an inline SVG, with a table of the same."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hive_rpc.interfaces.operator.events import TurnStats, TurnStatsReply
from hive_rpc.types import TurnOutcome, tool_words
from hive_web.view.agents import OUTCOME_WORDS
from hive_web.view.times import count, duration

HEIGHT = 100
"""Of the tallest bar, in the units of the drawing."""


@dataclass(frozen=True)
class Span:
    name: str
    words: str
    seconds: float
    buckets: int


SPANS = {
    span.name: span
    for span in (
        Span("24h", "24 hours", 86400.0, 24),
        Span("7d", "7 days", 7 * 86400.0, 28),
        Span("30d", "30 days", 30 * 86400.0, 30),
    )
}


@dataclass(frozen=True)
class Bar:
    """One part of the time: what went well below, what did not on top of it."""

    since: datetime
    x: float
    width: float
    good: float
    good_top: float
    bad: float
    bad_top: float
    words: str


@dataclass(frozen=True)
class Chart:
    title: str
    bars: tuple[Bar, ...]
    top: str
    """What the tallest bar stands for."""


@dataclass(frozen=True)
class Share:
    """One row of a breakdown; `percent` of the largest."""

    name: str
    value: str
    percent: int


@dataclass(frozen=True)
class StatsView:
    figures: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]
    outcomes: tuple[Share, ...]
    wakes: tuple[Share, ...]
    tools: tuple[Share, ...]
    rows: tuple[tuple[datetime, int, int, str, str], ...]
    """The charts as a table: since, turns, failed, tokens, cost."""


def stats_view(reply: TurnStatsReply, span: Span) -> StatsView:
    total = reply.total
    usage = total.usage
    read = usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens
    return StatsView(
        figures=(
            ("Turns", str(total.turns)),
            ("Failed", str(_failed(total))),
            ("Usual turn (p50)", _seconds(total.p50_seconds)),
            ("Long turn (p95)", _seconds(total.p95_seconds)),
            ("Cost", f"${total.cost_usd:.2f}"),
            ("Tokens in", count(usage.input_tokens)),
            ("Tokens out", count(usage.output_tokens)),
            ("Read from cache", count(usage.cache_read_tokens)),
            ("Written to cache", count(usage.cache_creation_tokens)),
            ("Cache hit rate", f"{usage.cache_read_tokens / read:.0%}" if read else "–"),
        ),
        charts=(
            _chart("Turns", reply.buckets, lambda b: float(b.turns - _failed(b)), lambda b: float(_failed(b)), _turns),
            _chart("Cost", reply.buckets, lambda b: b.cost_usd, lambda b: 0.0, lambda v: f"${v:.2f}"),
            _chart("Tokens", reply.buckets, lambda b: float(_tokens(b)), lambda b: 0.0, lambda v: count(round(v))),
        ),
        outcomes=_shares({_outcome(name): n for name, n in total.outcomes.items()}),
        wakes=_shares(total.wake_reasons),
        tools=_shares({tool_words(name): n for name, n in total.tools.items()}),
        rows=tuple(
            (b.since, b.turns, _failed(b), count(_tokens(b)), f"${b.cost_usd:.2f}") for b in reply.buckets if b.turns
        ),
    )


def _failed(stats: TurnStats) -> int:
    return sum(stats.outcomes.values()) - stats.outcomes.get(TurnOutcome.OK, 0)


def _tokens(stats: TurnStats) -> int:
    return sum(stats.usage.model_dump().values())


def _turns(value: float) -> str:
    return "1 turn" if value == 1 else f"{value:.0f} turns"


def _seconds(value: float | None) -> str:
    return "–" if value is None else duration(value)


def _outcome(name: str) -> str:
    return OUTCOME_WORDS[TurnOutcome(name)] if name in set(TurnOutcome) else name


def _shares(counts: dict[str, int]) -> tuple[Share, ...]:
    largest = max(counts.values(), default=0)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:20]
    return tuple(Share(name, str(n), round(100 * n / largest) if largest else 0) for name, n in ordered)


def _chart(
    title: str,
    buckets: list[TurnStats],
    good: Callable[[TurnStats], float],
    bad: Callable[[TurnStats], float],
    words: Callable[[float], str],
) -> Chart:
    tallest = max((good(b) + bad(b) for b in buckets), default=0.0)
    scale = HEIGHT / tallest if tallest else 0.0
    width = 400 / max(1, len(buckets))
    bars = []
    for at, bucket in enumerate(buckets):
        low, high = good(bucket) * scale, bad(bucket) * scale
        said = words(good(bucket) + bad(bucket)) + (f", {bad(bucket):.0f} failed" if bad(bucket) else "")
        bars.append(
            Bar(
                since=bucket.since,
                x=round(at * width + 1, 2),
                width=round(width - 2, 2),
                good=round(low, 2),
                good_top=round(HEIGHT - low, 2),
                bad=round(high, 2),
                bad_top=round(HEIGHT - low - high, 2),
                words=said,
            )
        )
    return Chart(title=title, bars=tuple(bars), top=words(tallest))
