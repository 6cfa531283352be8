"""What core said of the whole hive, kept so that it has to say only what has changed since.

It is the same for everybody who may look. Whether somebody may, core says with each answer; nothing is shown from here
without one.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from hive_base.clock import Clock
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.events import AgentToday
from hive_rpc.interfaces.operator.look import (
    LookHistory,
    LookItem,
    LookKeys,
    LookKind,
    LookReply,
    LookRequest,
    LookVersions,
)
from hive_web.look import Look


class Mirror:
    """One for the whole dashboard."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.looks = 0
        """How often somebody has asked."""
        self._acts = 0
        self.forget()

    def forget(self, run: str = "") -> None:
        """All of it; what comes next is of this run of core's."""
        self._run, self._version = run, 0
        self._items: dict[LookKind, dict[str, LookItem]] = {kind: {} for kind in LookKind}
        self._keys = {kind: LookKeys(version=0, kind=kind, keys=[]) for kind in LookKind}
        self._lists: dict[LookKind, Sequence[Any]] = {}
        self._today: tuple[Sequence[AgentToday], Mapping[str, AgentToday]] = ((), {})
        self._made: Look | None = None
        self._seen = (0.0, -1)
        """When the newest look was asked for, and after how many acts."""

    async def look(
        self,
        operator: Operator,
        token: str,
        *,
        history: LookHistory | None = None,
        background: bool = False,
        within: float = 0,
    ) -> tuple[LookReply, Look]:
        """The hive as it is now, and the answer that said so; with `background` the session does not count as used.

        What is known is enough when it was asked for within so many seconds, nothing was done from here since, and the
        agent of the history is in it. Raises what core raises, NotSignedInError above all.
        """
        self.looks += 1
        while True:
            begun, anew = (self._clock.monotonic(), self._acts), not self._enough(within, history)
            reply = await operator.look(
                LookRequest(session=token, known=self._known, history=history, hive=anew, background=background)
            )
            if not anew:
                # It may have been forgotten meanwhile.
                if self._made is not None:
                    return reply, self._made
                continue
            self._take_in(reply)
            if not reply.more:
                self._seen = max(self._seen, begun)
                return reply, self._look(reply.cursor, reply.versions)

    def acted(self) -> None:
        """Something may be other than it was because of somebody who looks, and who is to see it."""
        self._acts += 1

    def _enough(self, within: float, history: LookHistory | None) -> bool:
        at, acts = self._seen
        there = self._made is not None and (history is None or history.agent in self._items[LookKind.AGENT])
        return there and acts == self._acts and self._clock.monotonic() - at < within

    @property
    def newest(self) -> Look | None:
        """How the hive was when somebody looked last; None before that."""
        return self._made

    @property
    def _known(self) -> str:
        return f"{self._run} {self._version}" if self._run else ""

    def _take_in(self, reply: LookReply) -> None:
        """Answers may overlap, and come in any order: each item says which of two is newer."""
        run, _, version = reply.version.partition(" ")
        if run != self._run:
            self.forget(run)
        for item in reply.items:
            known = self._items[item.kind].get(item.key)
            if known is None or known.version < item.version:
                self._items[item.kind][item.key] = item
                self._lists.pop(item.kind, None)
        for keys in reply.keys:
            if self._keys[keys.kind].version < keys.version:
                self._keys[keys.kind] = keys
                self._lists.pop(keys.kind, None)
                wanted, items = set(keys.keys), self._items[keys.kind]
                for gone in [k for k, item in items.items() if k not in wanted and item.version < keys.version]:
                    del items[gone]
        if int(version) > self._version:
            self._version = int(version)
            self._made = None

    def _look(self, cursor: int, versions: LookVersions) -> Look:
        if self._made is None:
            self._made = Look(
                version=self._known,
                cursor=cursor,
                versions=versions,
                hive=self._all(LookKind.HIVE)[0],
                agents=self._all(LookKind.AGENT),
                today=self._by_agent(self._all(LookKind.TODAY)),
                approvals=self._all(LookKind.APPROVAL),
                jobs=self._all(LookKind.JOB),
                questions=self._all(LookKind.QUESTION),
                letters=self._all(LookKind.LETTER),
                holds=self._all(LookKind.HOLD),
                messages=self._all(LookKind.MESSAGE),
            )
        elif (cursor, versions) != (self._made.cursor, self._made.versions):
            self._made = self._made.at(cursor, versions)
        return self._made

    def _by_agent(self, today: Sequence[AgentToday]) -> Mapping[str, AgentToday]:
        if self._today[0] is not today:
            self._today = (today, {one.agent: one for one in today})
        return self._today[1]

    def _all(self, kind: LookKind) -> Sequence[Any]:
        """In their order; the very same list for as long as none of them has changed."""
        found = self._lists.get(kind)
        if found is None:
            items = filter(None, map(self._items[kind].get, self._keys[kind].keys))
            found = self._lists[kind] = list(map(attrgetter(kind.value), items))
        return found
