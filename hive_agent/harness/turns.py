"""The turn that runs: which messages it answers and what was sent in it."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hive_rpc.types import EVERYONE, OPERATOR, SYSTEM, Message, Turn


@dataclass(frozen=True)
class Sent:
    """A message that the model sent in this turn."""

    to: str
    in_reply_to: str | None


@dataclass
class ActiveTurn:
    """A turn, and with `follow` the ones that the model asked for after it: they all work on the same messages."""

    record: Turn
    messages: list[Message]
    """The one that woke it first, then what `recv` took."""
    began: float
    """Monotonic."""
    sent: list[Sent] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    """What else was done that must not be done twice, by what it is."""
    note: str = ""
    """What a turn that was asked for begins with."""
    followed: int = 0
    """How many turns went before this one since a message came."""
    next_note: str | None = None
    """The model wants another turn after this one."""

    def follow(self, record: Turn, *, began: float) -> "ActiveTurn":
        """The turn that was asked for in this one."""
        assert self.next_note is not None
        return ActiveTurn(
            record, self.messages, began, self.sent, self.done, note=self.next_note, followed=self.followed + 1
        )

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.messages]

    def thread(self, to: str) -> str | None:
        """What a message to another agent answers when the model does not say: the latest that came from there.

        For the operator core knows better, across turns: the oldest message that waits for an answer.
        """
        return next((m.id for m in reversed(self.messages) if m.sender == to and to != OPERATOR), None)

    def key(self, to: str, body: str, in_reply_to: str | None) -> str:
        """The idempotency key of the next message that the model sends.

        Made of what is sent and in answer to what, so that a turn which is done again after a crash, and says the same
        again, says it once. The count lets it say the same thing twice on purpose.
        """
        before = sum(1 for sent in self.sent if sent.to == to)
        return self._key(to, in_reply_to or "", str(before), body)

    def key_of(self, what: str) -> str:
        """The same for anything else that is to be done once, described by `what`."""
        return self._key(str(self.done[what]), what)

    def _key(self, *parts: str) -> str:
        return "turn-" + hashlib.sha256("\0".join((self.messages[0].id, *parts)).encode()).hexdigest()[:40]

    def unanswered(self) -> Sequence[Message]:
        """The messages to which the last words of this turn go as an automatic reply.

        None to the hive itself, and between agents none to a broadcast nor to an automatic reply: two agents that have
        nothing to say would otherwise say it for ever.
        """
        operators = self._unanswered_operators()
        return [m for m in self.messages if m.id in operators or (_wants_reply(m) and not self._wrote_to(m.sender))]

    def _unanswered_operators(self) -> set[str]:
        """Of operators' messages each wants its own answer: somebody may be waiting for just this one."""
        waiting = [m.id for m in self.messages if m.sender == OPERATOR]
        for sent in self.sent:
            if sent.to in {OPERATOR, EVERYONE} and waiting:
                waiting.remove(sent.in_reply_to if sent.in_reply_to in waiting else waiting[0])
        return set(waiting)

    def _wrote_to(self, agent: str) -> bool:
        return any(sent.to in {agent, EVERYONE} for sent in self.sent)


def _wants_reply(message: Message) -> bool:
    return message.sender not in {OPERATOR, SYSTEM} and not message.broadcast and not message.automatic


def automatic_key(message: Message) -> str:
    """There is at most one automatic reply to a message, however often it is delivered."""
    return f"automatic-{message.id}"
