"""The newest part of agents' histories, kept so that core has to say only what was stored since."""

from collections.abc import Sequence

from hive_rpc.dialogue import LooseEndsReply
from hive_rpc.interfaces.operator.events import EventsReply, EventsRequest
from hive_rpc.interfaces.operator.look import LookHistory, LookReply
from hive_rpc.interfaces.operator.request import AgentRequest
from hive_web.core import Caller
from hive_web.look import Look, offered
from hive_web.view.timeline import Entry, Timeline

EVENTS = 150
"""On one page of an agent's history."""
SLACK = 25
"""So many more may come before the oldest are taken away: what is left of a turn is made anew then."""
KEPT = 64
"""Agents."""


class History:
    """The end of one agent's, as it was last."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._timeline = Timeline(agent)
        self._version = ""
        self._oldest = 0
        self._loose: tuple[str, LooseEndsReply | None] | None = None

    @property
    def asked(self) -> LookHistory:
        """What is to be asked with the look at the hive, whose reply `take_in` gets."""
        return LookHistory(agent=self._agent, after=self._timeline.newest, version=self._version)

    async def take_in(self, caller: Caller, reply: LookReply) -> None:
        """What core says to this caller. Raises what core raises."""
        if reply.history != self._version and not self._goes_on(reply.events):
            # Nothing is known, too much has happened, or something that is shown is no longer kept.
            asked = caller.ask(EventsRequest, agent=self._agent, limit=EVENTS)
            page = await caller.operator.events(asked)
            self._timeline, self._oldest = Timeline(self._agent), page.oldest
            self._timeline.add(page.events)
        self._version = reply.history

    @property
    def newest(self) -> int:
        """The newest event that is in it."""
        return self._timeline.newest

    @property
    def entries(self) -> Sequence[Entry]:
        """The very same for as long as none has changed."""
        return self._timeline.entries

    @property
    def older(self) -> int | None:
        """The event before which there are others."""
        return self._timeline.first if 0 < self._oldest < self._timeline.first else None

    async def loose_ends(self, caller: Caller, look: Look) -> LooseEndsReply | None:
        """What the agent has open; None from a core that does not say."""
        if self._loose is None or self._loose[0] != look.dialogue:
            found = await offered(caller.operator.loose_ends(caller.ask(AgentRequest, name=self._agent)))
            self._loose = (look.dialogue, found)
        return self._loose[1]

    def _goes_on(self, news: EventsReply | None) -> bool:
        """Take in what came after what is known, if that is all that is other than before."""
        known = self._timeline
        if news is None or news.more or news.cursor < known.newest or not 0 < news.oldest <= known.first:
            return False
        known.add(news.events)
        if len(known) > EVENTS + SLACK:
            known.trim(EVENTS)
        self._oldest = news.oldest
        return True


class Histories:
    """Those that were asked for last."""

    def __init__(self) -> None:
        self._known: dict[str, History] = {}

    def forget(self) -> None:
        self._known.clear()

    def of(self, agent: str) -> History:
        """As it is known, also of an agent that is not there; `keep` it when it is."""
        return self._known.get(agent) or History(agent)

    def keep(self, agent: str, history: History) -> None:
        self._known.pop(agent, None)
        self._known[agent] = history
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
