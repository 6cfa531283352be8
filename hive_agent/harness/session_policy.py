"""The session policy at work: measures this agent's conversation, remembers it on disk, and asks for decisions.

docs/session-policy.md says how a decision is made; here its numbers come from.
"""

import logging
from dataclasses import fields
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from hive_agent.policy.costs import Action, Conversation, Sizes, Tariff
from hive_agent.policy.costs import Turn as Added
from hive_agent.policy.decide import Checkpoint, Decision, Policy, Situation
from hive_agent.policy.habits import Habits
from hive_base.clock import Clock
from hive_base.prices import CacheLifetime
from hive_rpc.interfaces.agent import Settings
from hive_rpc.interfaces.runner import TurnFinishedRequest
from hive_rpc.types import Model, Object, Time

log = logging.getLogger(__name__)

CHARACTERS_PER_TOKEN = 4
FIRST_REWORK = 5_000.0
CHECKPOINT_SECONDS = 45.0
"""So long before the cache goes cold a hand-over note is thought about: writing it takes a while."""
CHECKPOINT_LEAST = 40_000.0
"""Tokens of context from which on a note is thought about."""
_LEARNT = 0.3
"""The weight of what was measured last against what was known."""


class _Measured(Model):
    """What is known of the present conversation and of this agent's ones. Tokens and USD."""

    session: str = ""
    context: float = 0
    cached: float = 0
    model: str | None = None
    at: Time | None = None
    """When the cache was last used."""
    turns: int = 0
    """In this conversation."""
    sizes: dict[str, float] = {}
    rework: float = FIRST_REWORK
    compaction_usd: float | None = None
    """What earlier compactions cost, on average."""
    habits: Habits = Habits()


class SessionPolicy:
    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._known = self._read()
        self._policy = Policy(habits=self._known.habits)
        self._was_warm = False

    @property
    def turns(self) -> int:
        """In the present conversation."""
        return self._known.turns

    def follow(self, session: str) -> None:
        """The conversation that the next turn is in."""
        if session != self._known.session:
            self._keep(session=session, context=0.0, cached=0.0, turns=0)

    def decide(self, settings: Settings, *, incoming: int, has_note: bool) -> Decision | None:
        """What to do before a turn with so many characters of messages; None while nothing is known to decide by."""
        self._was_warm = self._warm(settings)
        if not self._known.turns or not self._known.context:
            return None
        rework = 0.0 if has_note else self._known.rework
        situation = Situation(self._conversation(), self._was_warm, rework, incoming=incoming / CHARACTERS_PER_TOKEN)
        return self._policy.decide(self._tariff(settings), situation)

    def checkpoint_at(self, settings: Settings) -> datetime | None:
        """When to think about a hand-over note; None when the conversation is too small for one."""
        if self._known.at is None or self._known.context < CHECKPOINT_LEAST:
            return None
        return datetime.fromtimestamp(
            self._known.at.timestamp() + _lifetime(settings).seconds - CHECKPOINT_SECONDS, tz=self._known.at.tzinfo
        )

    def checkpoint(self, settings: Settings) -> Checkpoint | None:
        """Whether a hand-over note is worth its cost now; None when the cache is cold already."""
        if not self._warm(settings):
            return None
        return self._policy.checkpoint(self._tariff(settings), self._conversation(), self._known.rework)

    def learn(self, settings: Settings, evidence: TurnFinishedRequest) -> None:
        """A turn is over."""
        prompt = evidence.context_tokens
        if not prompt:
            return
        before = self._known
        output = float(evidence.usage.output_tokens)
        last = output / (1 + sum(evidence.tools.values()))
        new = max(0.0, prompt - before.context - (output - last))
        changes: dict[str, object] = {}
        if before.context:
            added = Added(new, output, 0)
            self._policy.learn(added, warm=self._was_warm, first=before.turns == 0)
        else:
            # Of a conversation that begins: the base, and what had to be read again.
            usual = self._policy.habits.mean.new
            sizes = self._sizes()
            over = max(0.0, prompt - sizes.base - usual)
            changes["rework"] = _blend(before.rework, min(over, 50_000.0))
            changes["sizes"] = {**before.sizes, "base": min(sizes.base, float(prompt))}
        self._keep(
            context=prompt + last,
            cached=float(prompt),
            turns=before.turns + 1,
            model=settings.model,
            at=self._clock.now(),
            habits=self._policy.habits,
            **changes,
        )

    def compacted(self, settings: Settings, evidence: TurnFinishedRequest) -> None:
        """A compaction went well."""
        sizes = self._sizes()
        after = _tokens_after(evidence)
        summary = sizes.summary if after is None else max(500.0, after - sizes.base)
        cost = evidence.cost_usd
        known = self._known.compaction_usd
        self._keep(
            context=sizes.base + summary,
            cached=sizes.base,
            sizes={**self._known.sizes, "summary": _blend(sizes.summary, summary)},
            compaction_usd=known if cost is None else cost if known is None else _blend(known, cost),
            at=self._clock.now(),
            model=settings.model,
        )

    def as_object(self, decision: Decision) -> Object:
        """A decision with its numbers, for whoever looks."""
        at = decision.situation
        return {
            "action": decision.action.value,
            "costs_usd": {action.value: round(cost, 5) for action, cost in decision.costs.items()},
            "context_tokens": round(at.conversation.context),
            "cached_tokens": round(at.conversation.cached) if at.warm else 0,
            "cache_is_warm": at.warm,
            "rework_tokens": round(at.rework),
            "incoming_tokens": round(at.incoming),
            "expected_new_tokens": round(decision.habits.mean.new),
            "expected_output_tokens": round(decision.habits.mean.output),
            "chance_of_cold_gap": round(decision.habits.chance_of_cold(after_cold=not at.warm), 3),
            "earlier_compactions_usd": self._known.compaction_usd,
        }

    def _warm(self, settings: Settings) -> bool:
        known = self._known
        if known.at is None or known.model != settings.model:
            return False
        return (self._clock.now() - known.at).total_seconds() < _lifetime(settings).seconds

    def _conversation(self) -> Conversation:
        return Conversation(self._known.context, self._known.cached)

    def _tariff(self, settings: Settings) -> Tariff:
        return Tariff.of(settings.model, _lifetime(settings), self._sizes())

    def _sizes(self) -> Sizes:
        return Sizes(**{name: size for name, size in self._known.sizes.items() if name in _names(Sizes)})

    def _keep(self, **changes: object) -> None:
        self._known = self._known.model_copy(update=changes)
        new = self._file.with_suffix(".new")
        try:
            new.write_text(self._known.model_dump_json())
            new.replace(self._file)
        except OSError as error:
            # What is measured can be measured again; a full disk must not fail the turn.
            log.warning("The measures of the conversation cannot be kept: %s", error)

    def _read(self) -> _Measured:
        try:
            return _Measured.model_validate_json(self._file.read_text())
        except FileNotFoundError:
            return _Measured()
        except (OSError, ValidationError) as error:
            log.warning("%s is damaged and measured anew: %s", self._file, error)
            return _Measured()


def words(decision: Decision) -> str:
    """One line for a person: what was chosen, and what each alternative was expected to cost."""
    at = decision.situation
    costs = ", ".join(f"{action.value} {cost:.4f} USD" for action, cost in decision.costs.items())
    warmth = "warm" if at.warm else "cold"
    chosen = {
        Action.CONTINUE: "The conversation goes on",
        Action.COMPACT: "The conversation is compacted first",
        Action.FRESH: "A new conversation begins",
    }[decision.action]
    return f"{chosen}: {at.conversation.context:.0f} tokens of context, cache {warmth}. Expected: {costs}."


def _lifetime(settings: Settings) -> CacheLifetime:
    return CacheLifetime.ONE_HOUR if settings.subscription else CacheLifetime.FIVE_MINUTES


def _tokens_after(evidence: TurnFinishedRequest) -> float | None:
    """What `compact_boundary` says was left."""
    for line in reversed(evidence.lines):
        metadata = line.get("compact_metadata")
        if isinstance(metadata, dict) and isinstance(after := metadata.get("post_tokens"), int | float):
            return float(after)
    return None


def _names(of: type) -> set[str]:
    return {field.name for field in fields(of)}


def _blend(known: float, measured: float) -> float:
    return known * (1 - _LEARNT) + measured * _LEARNT
