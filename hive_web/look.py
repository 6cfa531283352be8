"""One look at the hive: everything that a page's frame and the front page are made of."""

from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import fsum
from operator import attrgetter
from typing import TypeVar

from hive_rpc.accounts import Hold
from hive_rpc.configuration import Approval, ApprovalState, Job
from hive_rpc.dialogue import Question
from hive_rpc.errors import NotFoundError
from hive_rpc.interfaces.operator.events import AgentToday
from hive_rpc.interfaces.operator.hive import AgentStatus, HiveStatus
from hive_rpc.interfaces.operator.look import LookVersions
from hive_rpc.interfaces.operator.messages import DeadLetter
from hive_rpc.types import AgentState, Message
from hive_web.stamps import stamp
from hive_web.view.agents import AgentView, HiveView, agent_view
from hive_web.view.waiting import WaitingView, hive_now, waiting_views

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Look:
    """What core said within one moment (hive_web/mirror.py)."""

    version: str
    """The same for what shows the same."""
    cursor: int
    """Of the events: watch from here."""
    versions: LookVersions
    """Of what it does not show, in this run of core."""
    hive: HiveStatus
    agents: Sequence[AgentStatus]
    today: Mapping[str, AgentToday]
    approvals: Sequence[Approval]
    """Those that have not ended: they wait for a decision, or are carried out."""
    jobs: Sequence[Job]
    """Those that wait or run."""
    questions: Sequence[Question]
    """Open ones to the operators; their beginnings."""
    letters: Sequence[DeadLetter]
    """The newest dead letters; their beginnings."""
    holds: Sequence[Hold]
    """Those that only an operator ends."""
    messages: Sequence[Message]
    """The newest ones, newest last; their beginnings."""
    views: dict[str, AgentView] = field(default_factory=dict)
    """Of agents whose pages were asked for."""

    def at(self, cursor: int, versions: LookVersions) -> "Look":
        """The same a little later, with all that was made of it."""
        later = copy(self)
        later.__dict__.update(cursor=cursor, versions=versions)
        later.__dict__.pop("stamps", None)
        return later

    @property
    def dialogue(self) -> str:
        """Another one after any question or reminder has changed."""
        return f"{self._run} {self.versions.questions} {self.versions.reminders}"

    @property
    def pending(self) -> Sequence[Approval]:
        """What waits for a decision."""
        return [approval for approval in self.approvals if approval.state is ApprovalState.PENDING]

    def agent(self, name: str) -> AgentStatus:
        """Raises NotFoundError."""
        found = next((agent for agent in self.agents if agent.name == name), None)
        if found is None:
            raise NotFoundError(f"There is no agent {name}.", hint="The hive’s page shows every agent.")
        return found

    def shown(self, name: str) -> AgentView:
        """An agent's view. Raises NotFoundError."""
        view = self.views.get(name)
        if view is None:
            view = self.views[name] = agent_view(self.agent(name), self.today.get(name))
        return view

    @cached_property
    def states(self) -> Counter[AgentState]:
        """How many agents are in each."""
        return Counter(map(attrgetter("state"), self.agents))

    @cached_property
    def spent_today(self) -> float:
        """By the turns that have ended, in dollars."""
        return fsum(map(attrgetter("cost_usd"), self.today.values()))

    @cached_property
    def waiting(self) -> Sequence[WaitingView]:
        """What goes on only when a person acts."""
        return waiting_views(self)

    @cached_property
    def view(self) -> HiveView:
        return hive_now(self)

    @cached_property
    def still(self) -> HiveView:
        """The view without what changes all the time."""
        return replace(self.view, summary="", waiting=0)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How much waits in each place of the navigation."""
        return {
            "questions": len(self.questions),
            "approvals": len(self.pending),
            "dead-letters": len(self.letters),
        }

    @cached_property
    def stamps(self) -> Mapping[str, str]:
        """By the place in the navigation."""
        return {
            "approvals": stamp(*(f"{a.id} {a.state}" for a in self.approvals)),
            "jobs": stamp(*(f"{job.id} {job.state} {job.step}" for job in self.jobs)),
            "questions": self._stamp(self.versions.questions),
            "dead-letters": stamp(*(letter.message.id for letter in self.letters)),
            "messages": stamp(*(message.id for message in self.messages[-1:])),
            "reminders": self._stamp(self.versions.reminders),
            "spending": self._stamp(
                self.versions.caps,
                f"{self.spent_today:.2f}",
                *(f"{hold.scope} {hold.name}" for hold in self.holds),
            ),
            "accounts": self._stamp(self.versions.accounts, *(agent.name for agent in self.agents)),
            "audit": self._stamp(self.versions.audit),
            "operators": self._stamp(self.versions.people),
        }

    def asked_by(self, agent: str) -> str:
        """The stamp of what an agent asks the operators."""
        return stamp(*(q.id for q in self.questions if q.asker == agent))

    def agent_stamps(self, name: str) -> Mapping[str, str]:
        """By the tab of an agent's pages; of one that is gone too."""
        agent = next((agent for agent in self.agents if agent.name == name), None)
        turn = agent.last_turn if agent is not None else None
        turns = stamp(f"{turn.id} {turn.outcome}" if turn is not None else "")
        said = next((m.id for m in reversed(self.messages) if name in (m.sender, m.recipient)), "")
        return {
            "live": self.asked_by(name),
            "inbox": self._stamp(self.versions.reminders, said, agent.unread if agent is not None else 0),
            "stats": turns,
            "decisions": turns,
            "config": stamp(*(f"{a.id} {a.state}" for a in self.approvals if a.agent == name)),
        }

    def _stamp(self, *parts: str | int) -> str:
        """With what core counts since it was started."""
        return stamp(self._run, *map(str, parts))

    @property
    def _run(self) -> str:
        """Of core's."""
        return self.version.partition(" ")[0]


async def offered(call: Awaitable[T]) -> T | None:
    """What a method answers; None from a core that does not offer it."""
    try:
        return await call
    except NotFoundError:
        return None
