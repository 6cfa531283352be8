"""What one step of a conversation costs: the model that the policy, the simulator and the optimum share."""

from dataclasses import dataclass
from enum import StrEnum

from hive_base.prices import CacheLifetime, Model, usable_window
from hive_base.prices import model as price_of


class Action(StrEnum):
    CONTINUE = "continue"
    COMPACT = "compact"
    FRESH = "fresh"


@dataclass(frozen=True)
class Sizes:
    """Tokens. The defaults are what docs/session-policy.md says of a new agent; a harness measures its own."""

    base: float = 18_000
    """System prompt, tools and the like: in every request, and cached with the rest."""
    summary: float = 4_000
    """What a compaction leaves, which is also its output."""
    instruction: float = 500
    """The request to compact."""
    handover: float = 1_500
    """The hand-over note with which a fresh conversation begins."""


@dataclass(frozen=True)
class Conversation:
    """Tokens."""

    context: float
    """Everything that the next request sends again."""
    cached: float
    """How much of that, from its beginning, the cache has while it is warm: all but the last answer."""


@dataclass(frozen=True)
class Turn:
    """What one turn adds. Tokens."""

    new: float
    output: float
    rework: float
    """What has to be read again when the turn begins in a fresh conversation."""


@dataclass(frozen=True)
class Step:
    """What an action and the turn after it cost, and what they leave."""

    conversation: Conversation
    cost: float
    """USD."""
    tokens: float
    """Of all requests, input and output."""


@dataclass(frozen=True)
class Tariff:
    """Prices and sizes of one agent at one moment."""

    model: Model
    cache: CacheLifetime
    sizes: Sizes
    window: float
    """Tokens with which a turn may begin."""

    @classmethod
    def of(cls, model: str | None, cache: CacheLifetime, sizes: Sizes) -> "Tariff":
        return cls(price_of(model), cache, sizes, usable_window(model))

    def empty(self) -> Conversation:
        """A conversation in which nothing was said yet."""
        return Conversation(self.sizes.base, 0)

    def fits(self, action: Action, at: Conversation, turn: Turn) -> bool:
        """The window holds the whole turn after this action."""
        return self._ground(action, at, turn.rework, warm=True).context + turn.new + turn.output <= self.window

    def note(self, at: Conversation) -> float:
        """USD of having a hand-over note written now, with a warm cache."""
        return self._request(at.context + self.sizes.instruction, at.cached, self.sizes.handover)

    def step(self, action: Action, at: Conversation, turn: Turn, *, warm: bool) -> Step:
        """`warm`: the cache still has what it had after the last request."""
        cost = tokens = 0.0
        if action is Action.COMPACT:
            prompt = at.context + self.sizes.instruction
            read = at.cached if warm else 0
            cost += self._request(prompt, read, self.sizes.summary)
            tokens += prompt + self.sizes.summary
        ground = self._ground(action, at, turn.rework, warm=warm)
        prompt = ground.context + turn.new
        cost += self._request(prompt, ground.cached, turn.output)
        tokens += prompt + turn.output
        return Step(Conversation(prompt + turn.output, prompt), cost, tokens)

    def _ground(self, action: Action, at: Conversation, rework: float, *, warm: bool) -> Conversation:
        """The conversation as the turn's own request finds it: `cached` is what that request can read."""
        base = self.sizes.base
        match action:
            case Action.CONTINUE:
                return Conversation(at.context, at.cached if warm else 0)
            case Action.COMPACT:
                # The request that compacted has just read or written the base.
                return Conversation(base + self.sizes.summary, base)
            case Action.FRESH:
                return Conversation(base + self.sizes.handover + rework, min(base, at.cached) if warm else 0)

    def _request(self, prompt: float, read: float, output: float) -> float:
        return self.model.cost(read=read, written=prompt - read, output=output, cache=self.cache)


def possible(tariff: Tariff, action: Action, at: Conversation, turn: Turn) -> Action:
    """What becomes of an action: a turn that the window does not hold is refused by the CLI, and then compacted for."""
    if action is Action.CONTINUE and not tariff.fits(action, at, turn):
        return Action.COMPACT
    return action
