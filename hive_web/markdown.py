"""The little of Markdown that agents write, as a tree of allowed elements, never as HTML.

The same tree becomes markup on the server (`hive_web/render.py`) and DOM nodes in the browser (`static/tree.js`), so
there is one parser and neither place ever inserts text as HTML. Every pattern is linear in the length of the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias


class Tag(StrEnum):
    """Every element that can come out of a text."""

    PARAGRAPH = "p"
    QUOTE = "blockquote"
    BULLETS = "ul"
    NUMBERS = "ol"
    ITEM = "li"
    BLOCK = "pre"
    CODE = "code"
    STRONG = "strong"
    EMPHASIS = "em"
    LINK = "a"


@dataclass(frozen=True)
class Node:
    """One element. `href` is set for links alone, and is http or https."""

    tag: Tag
    children: "tuple[Inline, ...]"
    href: str | None = None


Inline: TypeAlias = Node | str

_FENCE = re.compile(r"^\s{0,3}(`{3,}+|~{3,}+)[^`]*+$")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(\S.*)$")
_BULLET = re.compile(r"^\s*[-*+]\s+(.*)$")
_NUMBER = re.compile(r"^\s*\d{1,9}[.)]\s+(.*)$")
_QUOTE = re.compile(r"^\s{0,3}>\s?(.*)$")
_LINK = r"\[(?P<label>[^\[\]\n]{1,500})\]\((?P<href>https?://[^\s()<>\"]{1,2000})\)"
_BARE = r"(?P<bare>https?://[^\s<>\"'`\[\]()]{1,2000}[^\s<>\"'`\[\]().,;:!?])"
_INLINE = re.compile(
    r"(?P<ticks>`{1,2})(?P<code>[^`\n]{1,2000})(?P=ticks)"
    rf"|{_LINK}|{_BARE}"
    r"|\*\*(?P<strong>[^\s*](?:[^*\n]{0,1000}[^\s*])?)\*\*"
    r"|(?<![\w*])\*(?P<em>[^\s*](?:[^*\n]{0,1000}[^\s*])?)\*(?![\w*])"
    r"|(?<!\w)_(?P<under>[^\s_](?:[^_\n]{0,1000}[^\s_])?)_(?!\w)"
)


@lru_cache(maxsize=512)
def parse(text: str) -> tuple[Node, ...]:
    """Blocks of a text, in order."""
    return tuple(_blocks(text.split("\n")))


def _blocks(lines: list[str]) -> Iterator[Node]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif fence := _FENCE.match(line):
            code, at = _fenced(lines, at + 1, fence[1])
            yield Node(Tag.BLOCK, (Node(Tag.CODE, (code,)),))
        elif heading := _HEADING.match(line):
            yield Node(Tag.PARAGRAPH, (Node(Tag.STRONG, tuple(_inlines(_unclosed(heading[1])))),))
            at += 1
        elif _BULLET.match(line):
            items, at = _items(lines, at, _BULLET)
            yield Node(Tag.BULLETS, items)
        elif _NUMBER.match(line):
            items, at = _items(lines, at, _NUMBER)
            yield Node(Tag.NUMBERS, items)
        elif _QUOTE.match(line):
            quoted = []
            while at < len(lines) and (quote := _QUOTE.match(lines[at])):
                quoted.append(quote[1])
                at += 1
            yield Node(Tag.QUOTE, tuple(_inlines("\n".join(quoted))))
        else:
            paragraph = [line]
            at += 1
            while at < len(lines) and not _begins_block(lines[at]):
                paragraph.append(lines[at])
                at += 1
            yield Node(Tag.PARAGRAPH, tuple(_inlines("\n".join(paragraph))))


def _unclosed(heading: str) -> str:
    """Without the hashes that may close it. Not part of the pattern, which would try at every blank in the text."""
    return heading.rstrip().rstrip("#").rstrip() or heading


def _begins_block(line: str) -> bool:
    return not line.strip() or any(p.match(line) for p in (_FENCE, _HEADING, _BULLET, _NUMBER, _QUOTE))


def _fenced(lines: list[str], start: int, fence: str) -> tuple[str, int]:
    """The text up to the closing fence, or to the end where there is none, and where to go on."""
    for at in range(start, len(lines)):
        stripped = lines[at].strip()
        if len(stripped) >= len(fence) and not stripped.strip(fence[0]):
            return "\n".join(lines[start:at]), at + 1
    return "\n".join(lines[start:]), len(lines)


def _items(lines: list[str], at: int, marker: re.Pattern[str]) -> tuple[tuple[Node, ...], int]:
    items: list[str] = []
    while at < len(lines) and lines[at].strip():
        if item := marker.match(lines[at]):
            items.append(item[1])
        elif lines[at].startswith(("  ", "\t")) and not _begins_block(lines[at]):
            items[-1] += "\n" + lines[at].strip()
        else:
            break
        at += 1
    return tuple(Node(Tag.ITEM, tuple(_inlines(item))) for item in items), at


def _inlines(text: str) -> Iterator[Inline]:
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            yield text[at : found.start()]
        at = found.end()
        match found.lastgroup:
            case "code" | "ticks":
                yield Node(Tag.CODE, (found["code"],))
            case "strong":
                yield Node(Tag.STRONG, tuple(_inlines(found["strong"])))
            case "em" | "under":
                yield Node(Tag.EMPHASIS, tuple(_inlines(found["em"] or found["under"])))
            case "bare":
                yield Node(Tag.LINK, (found["bare"],), href=found["bare"])
            case _:
                yield Node(Tag.LINK, (found["label"],), href=found["href"])
    if at < len(text):
        yield text[at:]


def plain(text: str) -> str:
    """A text without its marks, for where there is room for a line of it only."""
    return " ".join(_words(block) for block in parse(text))


def _words(node: Inline) -> str:
    if isinstance(node, str):
        return node
    between = " " if node.tag in (Tag.BULLETS, Tag.NUMBERS) else ""
    return between.join(_words(child) for child in node.children)


def as_json(nodes: tuple[Inline, ...]) -> list[Any]:
    """For the browser: text as a string, an element as `[tag, children]` or `[tag, children, href]`."""
    return [
        node
        if isinstance(node, str)
        else [node.tag.value, as_json(node.children), *([node.href] if node.href is not None else [])]
        for node in nodes
    ]
