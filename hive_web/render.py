"""Templates. Escaping is on for every one of them, and a name that is not given is an error."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hive_base.clock import Clock
from hive_web.assets import Assets
from hive_web.markdown import Inline
from hive_web.readable import readable
from hive_web.verbs import VERBS
from hive_web.view.times import absolute, iso, relative


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
    return Markup("<{0}>{1}</{0}>").format(node.tag.value, tree(node.children))


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


class Renderer:
    """Pages from `hive_web/templates`."""

    def __init__(self, assets: Assets, clock: Clock) -> None:
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("hive_web"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals.update(asset=assets.url, blank=Blank(), verbs=VERBS.values())
        self._templates.filters.update(
            tree=lambda nodes: tree(() if isinstance(nodes, Blank) else nodes),
            segment=lambda text: quote(str(text), safe=""),
            iso=lambda moment: iso(moment) if isinstance(moment, datetime) else "",
            absolute=lambda moment: absolute(moment) if isinstance(moment, datetime) else "",
            relative=lambda moment: relative(moment, self._clock.now()) if isinstance(moment, datetime) else "",
        )

    def page(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        text = self._templates.get_template(template).render(values)
        return web.Response(status=status, text=text, content_type="text/html")
