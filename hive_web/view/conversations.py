"""Messages as conversations: each thread once, with what was said last in it."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from hive_rpc.types import OPERATOR, Message
from hive_web.markdown import plain
from hive_web.readable import one_line
from hive_web.view.agents import hue, initial
from hive_web.view.messages import person

PREVIEW = 220
"""Characters of the last message."""
SHOWN = 25


@dataclass(frozen=True)
class ConversationView:
    key: str
    href: str
    people: str
    """Who takes part, the one who wrote last first."""
    initial: str
    hue: str
    count: int
    count_words: str
    text: str
    at: datetime
    mine: bool
    """An operator takes part."""


class Conversations:
    """Made anew only where something was said."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Sequence[Message], ConversationView]] = {}

    def views(self, messages: Sequence[Message]) -> list[ConversationView]:
        """Of messages oldest first; the conversation with the newest message comes first."""
        before, self._known = self._known, {}
        for root, thread in _threads(messages):
            known = before.get(root)
            if known is None or len(known[0]) != len(thread) or any(map(operator.is_not, known[0], thread)):
                known = (thread, _view(root, thread))
            self._known[root] = known
        return [view for _, view in self._known.values()]


def _threads(messages: Sequence[Message]) -> Sequence[tuple[str, Sequence[Message]]]:
    roots: dict[str, str] = {}
    threads: dict[str, list[Message]] = {}
    for message in messages:
        answered = message.in_reply_to
        root = roots.get(answered, answered) if answered is not None else message.id
        roots[message.id] = root
        # Put last: whatever was said in latest is behind all others.
        thread = threads.pop(root, [])
        thread.append(message)
        threads[root] = thread
    return list(threads.items())[: -SHOWN - 1 : -1]


def _view(root: str, thread: Sequence[Message]) -> ConversationView:
    last = thread[-1]
    people = dict.fromkeys(name for message in reversed(thread) for name in (message.sender, message.recipient))
    return ConversationView(
        key=root,
        href=thread_href(last.id),
        people=", ".join(person(name) for name in people),
        initial=initial(person(last.sender)),
        hue=hue(last.sender),
        count=len(thread),
        count_words=f"{len(thread)} messages" if len(thread) > 1 else "",
        text=one_line(plain(last.body[: PREVIEW * 4]), PREVIEW),
        at=last.sent_at,
        mine=OPERATOR in people,
    )


def thread_href(message: str) -> str:
    return f"/messages/{quote(message, safe='')}#message-{message}"
