"""The messages inside a wake prompt, as `hive_agent.prompts` writes it. A prompt that wraps none is the message."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TAG = re.compile(r"<message\b(?P<head>[^<>]{0,500})>|(?P<end></message>)")
_ATTRIBUTE = re.compile(r'(\w{1,40})="([^"]*)"')


@dataclass(frozen=True)
class Incoming:
    """One message as its recipient's model sees it."""

    body: str
    sender: str | None = None
    id: str | None = None


def messages(prompt: str) -> Sequence[Incoming]:
    found: list[Incoming] = []
    opened: re.Match[str] | None = None
    for tag in _TAG.finditer(prompt):
        if not tag["end"]:
            opened = opened or tag
        elif opened is not None:
            head = dict(_ATTRIBUTE.findall(opened["head"]))
            found.append(Incoming(prompt[opened.end() : tag.start()].strip(), head.get("from"), head.get("id")))
            opened = None
    return found or [Incoming(prompt.strip())]
