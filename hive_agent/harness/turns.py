"""The turn that runs: which messages it answers and what was sent in it."""

import hashlib
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
    """A turn from the message that woke it to its acknowledgement."""

    record: Turn
    messages: list[Message]
    """The one that woke it first, then what `recv` took."""
    began: float
    """Monotonic."""
    sent: list[Sent] = field(default_factory=list)

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
        parts = (self.messages[0].id, to, in_reply_to or "", str(before), body)
        return "turn-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

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
