"""What tokens cost, how long the prompt cache lives, and what a window holds. The one table, dated, with its sources.

The harness decides by it when to compact, and the gateway meters by it.

Sources, read on the date in `AS_OF`:

* https://platform.claude.com/docs/en/about-claude/pricing: base input, 5 min and 1 h cache writes (1.25 and 2 times the
  input), cache hits and output for each model. Sonnet 5.5 at the cache price of 2026-10-07; Haiku 5.5 with its higher
  band for prompts over 100,000 tokens.
* https://platform.claude.com/docs/en/build-with-claude/prompt-caching: the two lifetimes; each hit renews the entry.
* Claude Code 2.1.327, its own messages: it asks for one hour on a subscription and for five minutes with an API key
  (`ENABLE_PROMPT_CACHING_1H` and `FORCE_PROMPT_CACHING_5M` change that). What a turn really got is in its `usage`
  (`cache_creation.ephemeral_1h_input_tokens`), and that is what the harness should go by.
* docs/claude-cli.md: windows as the CLI reports them, and that it refuses a turn from about 177,000 of 200,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

AS_OF = date(2026, 11, 20)

_MILLION = 1_000_000


class CacheLifetime(Enum):
    """How long a cached prefix can be read after its last use, and what writing it costs against plain input."""

    FIVE_MINUTES = (300.0, 1.25)
    """With an API key."""
    ONE_HOUR = (3600.0, 2.0)
    """With a subscription."""

    @property
    def seconds(self) -> float:
        return self.value[0]

    @property
    def write_factor(self) -> float:
        return self.value[1]


@dataclass(frozen=True)
class Model:
    """Prices in USD per million tokens."""

    name: str
    """What the name of the model contains."""
    input: float
    output: float
    cache_read: float
    long_prompt: int | None = None
    """Above so many tokens of prompt every price is `long_factor` times as high."""
    long_factor: float = 1

    def cost(self, *, read: float, written: float, output: float, cache: CacheLifetime) -> float:
        """USD of one request: tokens read from the cache, tokens written to it, tokens of output."""
        factor = self.long_factor if self.long_prompt is not None and read + written > self.long_prompt else 1
        spent = read * self.cache_read + written * self.input * cache.write_factor + output * self.output
        return factor * spent / _MILLION

    def price(self, tokens: "Tokens") -> float:
        """USD of one request, from what the API says that it used."""
        factor = self.long_factor if self.long_prompt is not None and tokens.prompt > self.long_prompt else 1
        spent = (
            tokens.input * self.input
            + tokens.cache_read * self.cache_read
            + tokens.cache_write_5m * self.input * CacheLifetime.FIVE_MINUTES.write_factor
            + tokens.cache_write_1h * self.input * CacheLifetime.ONE_HOUR.write_factor
            + tokens.output * self.output
        )
        return factor * spent / _MILLION


@dataclass(frozen=True)
class Tokens:
    """What one request used. The four parts of the prompt do not overlap."""

    input: int = 0
    """Neither read from the cache nor written to it."""
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def total(self) -> int:
        return self.prompt + self.output


MODELS: Sequence[Model] = (
    Model("fable-5-1", 10, 50, 0.25),
    Model("fable-5-2", 10, 50, 0.25),
    Model("fable", 10, 50, 1),
    Model("opus-5-5", 4, 20, 0.2),
    Model("opus-4-0", 15, 75, 1.5),
    Model("opus-4-1", 15, 75, 1.5),
    Model("opus-4-2025", 15, 75, 1.5),
    Model("opus", 5, 25, 0.5),
    Model("sonnet-5-5", 2, 10, 0.1),
    Model("sonnet-5", 2, 10, 0.2),
    Model("sonnet-4", 3, 15, 0.3),
    Model("sonnet", 2, 10, 0.2),
    Model("haiku-5-5", 0.1, 0.5, 0.01, long_prompt=100_000, long_factor=5),
    Model("haiku", 1, 5, 0.1),
)
"""The first whose name is part of the asked name. An alias (`opus`) has the price of what the CLI takes it for."""

FAST_FACTOR = 2.0
"""On every price of a request at the faster speed (https://platform.claude.com/docs/en/build-with-claude/fast-mode)."""
REGIONAL_FACTOR = 1.1
"""The same for one that names a region (https://platform.claude.com/docs/en/manage-claude/data-residency)."""

DEFAULT_WINDOW = 200_000
LARGE_WINDOW = 1_000_000
_WINDOW_MARGIN = 23_000
"""What the CLI keeps free of the window: with compaction left to us it refuses turns above."""


DEAREST = max(MODELS, key=lambda known: (known.output, known.input))


def dollars(amount: float) -> str:
    """In words, with parts of a cent where there are any."""
    return f"${amount:,.2f}" if round(amount, 2) == amount else f"${amount:,.4f}"


def known(name: str) -> Model | None:
    """The price of a model by its full name or alias; None when the table does not have it."""
    wanted = name.lower()
    return next((found for found in MODELS if found.name in wanted), None)


def model(name: str | None) -> Model:
    """An unknown name is priced as Opus, so that its cost is rather over- than underrated."""
    return known(name or "opus") or next(m for m in MODELS if m.name == "opus")


def usable_window(name: str | None) -> int:
    """Tokens of context with which a turn may still begin."""
    window = LARGE_WINDOW if name is not None and name.endswith("[1m]") else DEFAULT_WINDOW
    return window - _WINDOW_MARGIN
