"""The lists of the front page: rendered by the template, and sent when they change (hive_web/feed.py).

Made anew only where the hive is other than before: an item that shows the same is the same object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter, is_not
from typing import Any

from hive_base.ids import new_id
from hive_rpc.interfaces.operator.events import AgentToday
from hive_rpc.interfaces.operator.hive import AgentStatus
from hive_web.look import Look
from hive_web.view.agents import AgentView, agent_view
from hive_web.view.conversations import Conversations, ConversationView
from hive_web.view.waiting import WaitingView

Item = AgentView | WaitingView | ConversationView


@dataclass(frozen=True)
class Front:
    """Each list by its name; every item has a key of its own in its list."""

    views: Mapping[str, Sequence[Item]]
    digest: str
    """Another one when it shows something else. Of this process: after a restart pages are told everything once."""


class _List:
    """A list, with the numbers of its last changes."""

    def __init__(self) -> None:
        self.views: Sequence[Item] = []
        self.numbers: list[int] = []
        """Of the views."""
        self.ordered = 0

    def show(self, items: Sequence[Item], number: int) -> bool:
        """Take in how it is now; whether it is other than before. What shows the same stays the same object."""
        changed = _others(self.views, items)
        in_place = len(items) == len(self.views) and all(self.views[at].key == items[at].key for at in changed)
        if not in_place:
            known = {view.key: (view, since) for view, since in zip(self.views, self.numbers, strict=True)}
            entries = [known[i.key] if i.key in known and known[i.key][0] == i else (i, number) for i in items]
            self.views, self.numbers = [view for view, _ in entries], [since for _, since in entries]
            self.ordered = number
            return True
        changed = [at for at in changed if self.views[at] != items[at]]
        if changed:
            self.views = views = list(self.views)
            for at in changed:
                views[at], self.numbers[at] = items[at], number
        return bool(changed)


class Fronts:
    """The front page as it was last, for everybody who looks at it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._run = new_id("front")
        self._number = 0
        self._lists = {"waiting": _List(), "agents": _List(), "conversations": _List()}
        self._conversations = Conversations()
        self._agents: Sequence[AgentStatus] = []
        self._today: Sequence[AgentToday | None] = []
        self._agent_list: Sequence[AgentView] = []
        self._version = ""
        self._front = Front({}, "")

    @property
    def digest(self) -> str:
        """Of what was shown last."""
        return self._front.digest

    def show(self, look: Look) -> Front:
        if look.version != self._version:
            self._version = look.version
            now: dict[str, Sequence[Item]] = {
                "waiting": look.waiting,
                "agents": self._agent_views(look),
                "conversations": self._conversations.views(look.messages),
            }
            number = self._number + 1
            changed = [name for name, items in now.items() if self._lists[name].show(items, number)]
            if changed or not self._number:
                self._number = number
                views = {name: shown.views for name, shown in self._lists.items()}
                self._front = Front(views, f"{self._run} {number}")
        return self._front

    def changes(self, digest: str) -> dict[str, Any]:
        """What a page that shows this has to be told; everything for one of which nothing is known."""
        run, _, number = digest.partition(" ")
        known = run == self._run and number.isascii() and number.isdigit() and len(number) < 19
        since = int(number) if known else -1
        told: dict[str, Any] = {}
        for name, shown in self._lists.items():
            changed = [view for view, at in zip(shown.views, shown.numbers, strict=True) if at > since]
            if changed or shown.ordered > since:
                told[name] = {"keys": [view.key for view in shown.views], "changed": changed}
        return told

    def _agent_views(self, look: Look) -> Sequence[AgentView]:
        """Of those that are the same objects as before the same views; there are hundreds, and few change at a time."""
        agents, today = look.agents, list(map(look.today.get, map(attrgetter("name"), look.agents)))
        if len(agents) != len(self._agents):
            views = list(map(agent_view, agents, today))
        else:
            views = list(self._agent_list)
            for at in {*_others(self._agents, agents), *_others(self._today, today)}:
                views[at] = agent_view(agents[at], today[at])
        self._agents, self._today, self._agent_list = agents, today, views
        return views


def _others(before: Sequence[Any], now: Sequence[Any]) -> list[int]:
    """The places at which another object stands than before, as far as both lists reach."""
    return list(compress(range(len(now)), map(is_not, before, now)))
