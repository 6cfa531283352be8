"""The newest part of agents' histories, kept so that core has to say only what was stored since."""

from dataclasses import dataclass

from hive_rpc.dialogue import LooseEndsReply
from hive_rpc.interfaces.operator import AgentRequest, EventsReply, EventsRequest
from hive_web.core import Caller
from hive_web.look import Look, offered
from hive_web.view.timeline import Entry, Timeline

EVENTS = 150
"""On one page of an agent's history."""
KEPT = 64
"""Agents."""


@dataclass(frozen=True)
class Newest:
    """The end of a history, as it is now."""

    entries: list[Entry]
    older: int | None
    """The event before which there are others."""
    cursor: int


class Histories:
    def __init__(self) -> None:
        self._known: dict[str, Timeline] = {}
        self._loose: dict[str, tuple[str, LooseEndsReply | None]] = {}

    async def newest(self, caller: Caller, agent: str) -> Newest:
        """What core says to this caller. Raises what core raises."""
        known = self._known.get(agent)
        reply = await self._ask(caller, agent, 0 if known is None else known.newest)
        known = self._known.get(agent)
        if known is None or reply.more or reply.oldest > known.first or reply.cursor < known.newest:
            # Nothing is known, too much has happened, or something that is shown is no longer kept.
            reply = await self._ask(caller, agent, 0)
            known = Timeline(agent)
        known.add(reply.events)
        known.trim(EVENTS)
        self._keep(agent, known)
        return Newest(known.entries, known.first if 0 < reply.oldest < known.first else None, reply.cursor)

    async def loose_ends(self, caller: Caller, look: Look, agent: str) -> LooseEndsReply | None:
        """What the agent has open; None from a core that does not say."""
        known = self._loose.get(agent)
        if known is None or known[0] != look.dialogue:
            found = await offered(caller.operator.loose_ends(caller.ask(AgentRequest, name=agent)))
            known = self._loose[agent] = (look.dialogue, found)
            if len(self._loose) > KEPT:
                del self._loose[next(iter(self._loose))]
        return known[1]

    @staticmethod
    async def _ask(caller: Caller, agent: str, after: int) -> EventsReply:
        return await caller.operator.events(caller.ask(EventsRequest, agent=agent, after=after, limit=EVENTS))

    def _keep(self, agent: str, known: Timeline) -> None:
        """As the one that was asked for last."""
        self._known.pop(agent, None)
        self._known[agent] = known
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
