"""Templates. Escaping is on for every one of them, and a name that is not given is an error."""

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hive_base.clock import Clock
from hive_base.ids import new_secret
from hive_web.assets import Assets
from hive_web.commands import COMMANDS
from hive_web.markdown import Inline, Tag, parse, plain
from hive_web.pieces import Pieces
from hive_web.places import AGENT_TABS, PLACES, SHORTCUTS, SYSTEM_TABS
from hive_web.readable import one_line, readable
from hive_web.verbs import BULK, VERBS
from hive_web.view import times
from hive_web.view.jobs import KIND_WORDS
from hive_web.view.messages import LONGEST, person
from hive_web.view.waiting import APPROVAL_WORDS


def tree(nodes: tuple[Inline, ...]) -> Markup:
    """A parsed text as markup: the elements are the parser's, everything else is escaped."""
    return Markup("").join(_element(node) for node in nodes)


def _element(node: Inline) -> Markup:
    if isinstance(node, str):
        return Markup.escape(readable(node))
    if node.href is not None:
        return Markup('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>').format(
            node.href, tree(node.children)
        )
    if node.tag is Tag.BLOCK:
        # It may scroll, and then the keyboard has to get there.
        return Markup('<pre tabindex="0">{}</pre>').format(tree(node.children))
    return Markup("<{0}>{1}</{0}>").format(node.tag.value, tree(node.children))


def bind(view: Any, fields: str, live: bool = False) -> Markup:
    """The attribute that says which fields of a view fill an element, where the browser will need to know."""
    return Markup(' data-bind="{}"').format(fields) if live or isinstance(view, Blank) else _NOTHING


def diff_lines(lines: Any) -> Markup:
    """The lines of a diff, each in an element that says what it is; the browser makes the same (static/bind.js)."""
    if isinstance(lines, Blank):
        return Markup("")
    line = Markup('<div data-kind="{}">{}</div>')
    return Markup("").join(line.format(item.kind.value, readable(item.text) or " ") for item in lines)


def _finalize(value: Any) -> Any:
    """Every text on every page is readable; markup is a template's own, and was made of such text."""
    return readable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


class Blank:
    """Stands for a view in a `<template>`: every field is empty and false, to be filled in by the browser."""

    def __getattr__(self, name: str) -> "Blank":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __str__(self) -> str:
        return ""

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Any:
        return iter(())


_NOTHING = Markup("")


def as_bytes(text: str) -> bytes:
    """A text as markup that says it, for a gap of a page."""
    return Markup.escape(readable(text)).encode()


class Renderer:
    """Pages from `hive_web/templates`."""

    def __init__(self, assets: Assets, clock: Clock) -> None:
        self._pieces = pieces = Pieces(clock)
        self._modules: dict[str, Any] = {}
        self._templates = Environment(
            loader=PackageLoader("hive_web"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals.update(
            asset=assets.url,
            blank=Blank(),
            verbs=VERBS.values(),
            bulk=[VERBS[name] for name in BULK],
            places=PLACES,
            agent_tabs=AGENT_TABS,
            system_tabs=SYSTEM_TABS,
            shortcuts=SHORTCUTS,
            approval_words=APPROVAL_WORDS,
            job_words=KIND_WORDS,
            secret=new_secret,
            commands=COMMANDS,
        )
        self._templates.filters.update(
            bind=bind,
            tree=lambda nodes: tree(() if isinstance(nodes, Blank) else nodes),
            markdown=lambda text: tree(parse(readable(text[:LONGEST]))),
            line=one_line,
            plain=lambda text: plain(text[:LONGEST]),
            person=person,
            verbatim=Markup.escape,
            segment=lambda text: quote(str(text), safe=""),
            pathsegments=quote,
            difflines=diff_lines,
            size=times.size,
            count=times.count,
            duration=times.duration,
            clock=times.clock,
            json=lambda value: json.dumps(value, indent=2, ensure_ascii=False, default=str),
            iso=lambda moment: times.iso(moment) if isinstance(moment, datetime) else "",
            absolute=lambda moment: times.absolute(moment) if isinstance(moment, datetime) else "",
            relative=lambda moment: pieces.relative(moment) if isinstance(moment, datetime) else "",
        )

    def forget(self) -> None:
        """The pieces of pages that were made."""
        self._pieces.forget()
        parse.cache_clear()

    def page(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        text = self._templates.get_template(template).render(values)
        return web.Response(status=status, text=text, content_type="text/html")

    def kept_page(
        self, template: str, key: Hashable, stamp: object, filled: Mapping[str, bytes], **values: Any
    ) -> web.Response:
        """A page that is made anew only when `stamp` is another one; `filled` is what is put into it each time.

        `key` says whose page it is: nobody else is shown it.
        """

        def make() -> str:
            return self._templates.get_template(template).render(values | {name: self.gap(name) for name in filled})

        body = self._pieces.one(template, key, stamp, make, filled)
        return web.Response(body=body, content_type="text/html", charset="utf-8")

    def rows(self, template: str, macro: str, views: Sequence[Any], *also: Hashable, key: Hashable = None) -> bytes:
        """`macro(view, *also)` of each of these views, from a template that only has macros.

        `key` tells lists of one kind apart. Views do not change: one that looks different is another object.
        """
        make = self._macro(template, macro)
        return self._pieces.rows((template, macro, also, key), views, lambda view: make(view, *also))

    def gap(self, name: str) -> Markup:
        """Stands in a piece for what is filled in each time."""
        return self._pieces.gap(name)

    def piece(self, template: str, macro: str, key: Hashable, stamp: object, *given: Any, **filled: str) -> bytes:
        """`macro(*given)`, which shows nothing that is not in `stamp`, with these in the gaps of their names."""
        make = self._macro(template, macro)
        gaps = {name: as_bytes(text) for name, text in filled.items()}
        return self._pieces.one((template, macro), key, stamp, lambda: make(*given), gaps)

    def _macro(self, template: str, name: str) -> Callable[..., str]:
        if template not in self._modules:
            self._modules[template] = self._templates.get_template(template).module
        found: Callable[..., str] = getattr(self._modules[template], name)
        return found
