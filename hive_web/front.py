"""The lists of the front page: made here, rendered by the template, and sent when they change (hive_web/feed.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hive_rpc.types import Message
from hive_web.look import Look
from hive_web.view.agents import AgentView, agent_view
from hive_web.view.conversations import ConversationView, conversations
from hive_web.view.waiting import WaitingView, waiting_views

MESSAGES = 100
"""The newest messages, of which the conversations are made."""

Item = AgentView | WaitingView | ConversationView


@dataclass(frozen=True)
class Front:
    """Each list by its name; every item has a key of its own in its list."""

    views: Mapping[str, Sequence[Item]]
    digest: str
    """The same for what looks the same."""

    def changes(self, before: "Front | None") -> dict[str, Any]:
        """What a page that shows `before` has to be told; everything for one of which nothing is known."""
        told: dict[str, Any] = {}
        for name, items in self.views.items():
            old = {item.key: item for item in before.views[name]} if before is not None else {}
            keys = [item.key for item in items]
            changed = [item for item in items if old.get(item.key) != item]
            if before is None or changed or keys != list(old):
                told[name] = {"keys": keys, "changed": changed}
        return told


def digest(views: Mapping[str, Sequence[Item]]) -> str:
    """Of this process: after a restart every page is told everything once."""
    return f"{hash(tuple(tuple(items) for items in views.values())) & (1 << 64) - 1:x}"


def front(look: Look, messages: Sequence[Message]) -> Front:
    views: dict[str, Sequence[Item]] = {
        "waiting": waiting_views(look),
        "agents": [agent_view(agent, look.today.get(agent.name)) for agent in look.status.agents],
        "conversations": conversations(messages),
    }
    return Front(views, digest(views))
