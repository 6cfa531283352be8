"""Messages, as bubbles on an agent's page and as lines of the hive's conversation."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from hive_rpc.types import EVERYONE, OPERATOR, SYSTEM, Message
from hive_web.markdown import Node, parse
from hive_web.readable import one_line, readable
from hive_web.view.agents import agent_href, hue, initial

LONGEST = 24_000
"""Characters of a message on a page; the whole is behind a link."""


@dataclass(frozen=True)
class MessageView:
    key: str
    """Unique on a page."""
    anchor: str
    """The element's id, so that a link can point to it."""
    event: int
    """The event that told of it; 0 where it came from the list of messages."""
    sender: str
    sender_href: str
    initial: str
    hue: str
    recipient: str
    recipient_href: str
    href: str
    """Where it stands among what led to it."""
    body: tuple[Node, ...]
    cut: bool
    more_href: str
    """Where the whole is, when this is cut."""
    at: datetime
    reply: bool
    outgoing: bool
    """Sent by the agent whose page this is."""
    note: str
    """What is unusual about it."""


def person(name: str) -> str:
    return {OPERATOR: "Operator", SYSTEM: "Hive", EVERYONE: "everyone"}.get(name, name)


def _href(name: str) -> str:
    return "" if name in (OPERATOR, SYSTEM, EVERYONE) else agent_href(name)


def _note(message: Message) -> str:
    notes = []
    if message.redelivered:
        why = f" ({one_line(message.redelivery_reason, 120)})" if message.redelivery_reason else ""
        notes.append(f"delivered again{why}")
    if message.automatic:
        notes.append("automatic")
    if message.broadcast:
        notes.append("to everyone")
    return " · ".join(notes)


def message_view(
    message: Message, *, agent: str | None = None, event: int = 0, limit: int = LONGEST, more_href: str | None = None
) -> MessageView:
    """A message as it is shown on the page of `agent`, or in its thread without one."""
    here = f"/messages/{quote(message.id, safe='')}#message-{message.id}"
    return MessageView(
        key=f"message {message.id}",
        anchor=f"message-{message.id}",
        event=event,
        sender=person(message.sender),
        sender_href=_href(message.sender),
        initial=initial(person(message.sender)),
        hue=hue(message.sender),
        recipient=person(message.recipient),
        recipient_href=_href(message.recipient),
        href=here,
        body=parse(readable(message.body[:limit])),
        cut=len(message.body) > limit,
        more_href=more_href or f"/messages/{quote(message.id, safe='')}/text",
        at=message.sent_at,
        reply=message.in_reply_to is not None,
        outgoing=agent is not None and message.sender == agent,
        note=_note(message),
    )
