"""What is said to the model: one file for each piece, with the variables that the functions here name.

A prompt never begins with `/`, which the CLI would take for one of its own commands.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Protocol

from hive_rpc.types import Message

_DIRECTORY = Path(__file__).parent

COMPACT = "/compact"
"""The one prompt that is a command of the CLI's."""


class Exchange(Protocol):
    """A message and the last words of the turn on it."""

    @property
    def sender(self) -> str: ...
    @property
    def asked(self) -> str: ...
    @property
    def answered(self) -> str: ...


def system(*, name: str, state: Path, shared: Path, configured: str) -> str:
    """What follows Claude Code's own system prompt: the hive's words, then what the operator configured.

    Nothing in it changes while an agent lives, least of all who its peers are: it is the beginning of every request,
    and the prompt cache of the whole conversation hangs on it.
    """
    return "\n\n".join(filter(None, [_fill("system", name=name, state=state, shared=shared), configured.strip()]))


def wake(message: Message, *, waiting: int | None, fresh: str | None) -> str:
    """The prompt of a turn that `message` starts.

    `waiting` is how many other messages there are, None where that is not known; `fresh` is the text of `fresh()` when
    the conversation begins with this turn.
    """
    return _begin([_fill("wake", message=render(message)), *_remarks(message)], waiting, fresh)


def requested(note: str, *, waiting: int | None, fresh: str | None) -> str:
    """The prompt of a turn that the agent asked for in the one before."""
    return _begin([_fill("requested", note=note)], waiting, fresh)


def _begin(parts: list[str], waiting: int | None, fresh: str | None) -> str:
    if waiting:
        parts.append(_fill("waiting", count=waiting))
    if fresh:
        parts.append(fresh)
    return "\n\n".join(parts)


def received(messages: Sequence[Message]) -> str:
    """The result of `recv`."""
    return "\n\n".join("\n\n".join([render(message), *_remarks(message)]) for message in messages)


def fresh(*, reason: str, state: Path, peers: Sequence[str], handover: str = "") -> str:
    """What the model is told at the beginning of a conversation; `handover` is the text of `handover()`."""
    begins = _fill("fresh", reason=reason, state=state, peers=", ".join(["operator", *peers]))
    return "\n\n".join(filter(None, [begins, handover]))


def handover(note: str, exchanges: Sequence[Exchange]) -> str:
    """What is known of the conversation before: the agent's own note, and what came after it. Empty when nothing is."""
    told = [f"{e.sender} wrote:\n{_quoted(e.asked)}\n\nYour last words:\n{_quoted(e.answered)}" for e in exchanges]
    parts = [_fill("handover", note=note)] if note else []
    if told:
        parts.append(_fill("exchanges", exchanges="\n\n".join(told)))
    return "\n\n".join(parts)


def checkpoint() -> str:
    """Asks for a hand-over note."""
    return _fill("checkpoint")


def _quoted(text: str) -> str:
    """Every line marked, so that nothing in it can be taken for the hive's own words."""
    return "\n".join(f"> {line}" for line in text.splitlines()) or "> (nothing)"


def render(message: Message) -> str:
    """A message as the model sees it. Its body cannot end the element or begin another one."""
    body = message.body.replace("<message", "&lt;message").replace("</message", "&lt;/message")
    return _fill(
        "message",
        id=message.id,
        sender=message.sender,
        sent_at=message.sent_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        in_reply_to=f' in_reply_to="{message.in_reply_to}"' if message.in_reply_to else "",
        body=body,
    )


def _remarks(message: Message) -> list[str]:
    remarks = []
    if message.redelivered:
        remarks.append(_fill("redelivered", reason=message.redelivery_reason or "no reason is known"))
    if message.broadcast:
        remarks.append(_fill("broadcast"))
    if message.automatic:
        remarks.append(_fill("automatic", sender=message.sender))
    return remarks


def _fill(piece: str, /, **variables: object) -> str:
    return _template(piece).substitute(variables)


@functools.cache
def _template(piece: str) -> Template:
    return Template((_DIRECTORY / f"{piece}.md").read_text().strip())
