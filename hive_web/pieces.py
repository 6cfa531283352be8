"""Markup that was made before, for pages that are asked for all the time: only what looks different is made anew.

A piece is text with gaps. Some stand for moments, whose words change with the time; others have names, and each page
that is made of the piece puts its own there.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from functools import partial
from math import inf
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from hive_base.clock import Clock
from hive_base.ids import new_secret
from hive_web.view import times

MOST_KEPT = 2000
"""Pieces of a kind; each has about a kilobyte."""
LISTS = 64
"""Lists that are kept."""


class Piece:
    """What was made when it looked like `stamp`."""

    __slots__ = ("_gaps", "_moments", "_parts", "stamp", "told", "until")

    def __init__(self, stamp: object, texts: Sequence[str], gaps: Sequence[str], moments: Sequence[datetime]) -> None:
        self.stamp = stamp
        self.until = 0.0
        """When the words of a moment are no longer right, in seconds since the epoch."""
        self.told = b""
        """With its moments in words as they are until then; a piece with named gaps has none."""
        self._parts: list[bytes] = [text.encode() for text in texts]
        self._gaps = gaps
        self._moments = moments

    def tell(self, now: datetime, filled: Mapping[str, bytes] = MappingProxyType({})) -> bytes:
        """With the moments in words, and what belongs into the other gaps."""
        moments = iter(self._moments)
        parts = [self._parts[0]]
        for gap, part in zip(self._gaps, self._parts[1:], strict=True):
            if gap:
                parts.append(filled[gap])
            else:
                parts.append(times.relative(next(moments), now).encode())
            parts.append(part)
        self.told = b"".join(parts)
        self.until = min((times.right_until(moment, now) for moment in self._moments), default=inf)
        return self.told


class _Rows:
    """A list, as it was last."""

    def __init__(self) -> None:
        self.views: Sequence[Any] = ()
        self.pieces: list[Piece] = []
        self.told = b""
        self.until = 0.0


class Pieces:
    """Those that are kept, by kind and by key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kinds: dict[Hashable, dict[Hashable, Piece]] = {}
        self._rows: dict[Hashable, _Rows] = {}
        self._gap = new_secret()
        """Never leaves this process, so no text that is shown can hold it."""
        self._moments: list[datetime] | None = None
        """Of the piece that is being made."""

    def forget(self) -> None:
        self._kinds.clear()
        self._rows.clear()

    def one(
        self,
        kind: Hashable,
        key: Hashable,
        stamp: object,
        make: Callable[[], str],
        filled: Mapping[str, bytes] = MappingProxyType({}),
    ) -> bytes:
        """What `make` makes, which shows nothing that is not in `stamp`, with these in the gaps of their names."""
        piece = self._piece(self._kinds.setdefault(kind, {}), key, stamp, make)
        now = self._clock.now()
        return piece.told if not filled and now.timestamp() < piece.until else piece.tell(now, filled)

    def rows(self, kind: Hashable, views: Sequence[Any], make: Callable[[Any], str]) -> bytes:
        """What `make` makes of each of the views, which do not change: one that looks different is another object."""
        rows = self._rows.pop(kind, None) or _Rows()
        self._rows[kind] = rows
        if len(self._rows) > LISTS:
            del self._rows[next(iter(self._rows))]
        now = self._clock.now()
        if rows.views is not views:
            known = {id(view): piece for view, piece in zip(rows.views, rows.pieces, strict=True)}
            rows.pieces = [known.get(id(view)) or self._make(view, partial(make, view)) for view in views]
            rows.views, rows.until = views, 0
        at = now.timestamp()
        if at >= rows.until:
            for piece in rows.pieces:
                if at >= piece.until:
                    piece.tell(now)
            rows.told = b"".join(map(attrgetter("told"), rows.pieces))
            rows.until = min(map(attrgetter("until"), rows.pieces), default=inf)
        return rows.told

    def gap(self, name: str) -> Markup:
        """What a template is given in place of what is filled in later."""
        return Markup(f"{self._gap}:{name};")  # noqa: S704 - both are ours

    def relative(self, moment: datetime) -> str:
        """A moment in words, or the gap for them in a piece."""
        if self._moments is None:
            return times.relative(moment, self._clock.now())
        self._moments.append(moment)
        return f"{self._gap}:;"

    def _piece(self, known: dict[Hashable, Piece], key: Hashable, stamp: object, make: Callable[[], str]) -> Piece:
        piece = known.get(key)
        if piece is None or not (piece.stamp is stamp or piece.stamp == stamp):
            if len(known) >= MOST_KEPT:
                known.clear()
            piece = known[key] = self._make(stamp, make)
        return piece

    def _make(self, stamp: object, make: Callable[[], str]) -> Piece:
        moments: list[datetime] = []
        self._moments = moments
        try:
            parts = re.split(f"{re.escape(self._gap)}:([a-z_]*);", make())
        finally:
            self._moments = None
        return Piece(stamp, parts[0::2], parts[1::2], moments)
