"""What goes on only when a person acts: the first thing that an operator sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from hive_rpc.accounts import Hold, Scope
from hive_rpc.configuration import Approval, ApprovalKind
from hive_rpc.interfaces.operator.hive import AgentStatus
from hive_rpc.interfaces.operator.messages import DeadLetter
from hive_rpc.types import AgentState
from hive_web.markdown import plain
from hive_web.readable import one_line
from hive_web.view.agents import HiveView, agent_href, hive_view, hue, initial

if TYPE_CHECKING:
    from hive_web.look import Look


class Kind(StrEnum):
    """In the order in which they are shown."""

    APPROVAL = "approval"
    QUESTION = "question"
    LOGIN = "login"
    FAILED = "failed"
    CAP = "cap"
    LETTERS = "letters"


@dataclass(frozen=True)
class WaitingView:
    """One thing that waits. `agent` is whose it is, or what it is about."""

    key: str
    kind: Kind
    agent: str
    initial: str
    hue: str
    href: str
    headline: str
    detail: str
    action: str
    since: datetime | None


def waiting_views(look: "Look") -> list[WaitingView]:
    """By kind, and oldest first within each: who has waited longest comes first."""
    stuck: list[AgentStatus] = []
    if look.states[AgentState.NEEDS_LOGIN] or look.states[AgentState.FAILED]:
        stuck += [agent for agent in look.agents if agent.state in (AgentState.NEEDS_LOGIN, AgentState.FAILED)]
        stuck.sort(key=lambda agent: agent.since)
    return [
        *(_approval(approval) for approval in sorted(look.pending, key=lambda a: a.requested_at)),
        *(
            _view(
                f"question {q.id}",
                Kind.QUESTION,
                q.asker,
                f"/questions#{q.id}",
                "asks",
                one_line(plain(q.question[:1000]), 240),
                "Answer",
                q.asked_at,
            )
            for q in sorted(look.questions, key=lambda q: q.asked_at)
        ),
        *(_agent(agent, Kind.LOGIN, "needs a login") for agent in stuck if agent.state is AgentState.NEEDS_LOGIN),
        *(_agent(agent, Kind.FAILED, "has failed") for agent in stuck if agent.state is AgentState.FAILED),
        *(_hold(hold) for hold in look.holds),
        *_letters(look.letters),
    ]


def hive_now(look: "Look") -> HiveView:
    """The hive with how much waits, and what has begun to wait last: that is what a notification says."""
    waiting = look.waiting
    newest = max(waiting, key=lambda item: item.since.timestamp() if item.since else 0.0, default=None)
    return hive_view(look.hive, look.states, len(waiting), f"{newest.agent} {newest.headline}" if newest else "")


def _view(
    key: str, kind: Kind, agent: str, href: str, headline: str, detail: str, action: str, since: datetime | None
) -> WaitingView:
    return WaitingView(
        key=key,
        kind=kind,
        agent=agent,
        initial=initial(agent),
        hue=hue(agent),
        href=href,
        headline=headline,
        detail=detail,
        action=action,
        since=since,
    )


APPROVAL_WORDS = {
    ApprovalKind.SPAWN: "is to be created",
    ApprovalKind.APPLY_CONFIG: "is to get another configuration",
    ApprovalKind.UPDATE_INPUTS: "is to be updated",
    ApprovalKind.DESTROY: "is to be destroyed",
}


def _approval(approval: Approval) -> WaitingView:
    detail = f"{approval.requested_by}: {one_line(plain(approval.reason[:1000]) or 'no reason given', 240)}"
    href = f"/approvals/{approval.id}"
    words = APPROVAL_WORDS[approval.kind]
    return _view(
        f"approval {approval.id}", Kind.APPROVAL, approval.agent, href, words, detail, "Review", approval.requested_at
    )


def _agent(agent: AgentStatus, kind: Kind, headline: str) -> WaitingView:
    detail = one_line(agent.reason or "No reason was given; its log may say more.", 240)
    return _view(
        f"agent {agent.name}", kind, agent.name, agent_href(agent.name), headline, detail, "Look into it", agent.since
    )


def _hold(hold: Hold) -> WaitingView:
    whose = {Scope.HIVE: "The hive", Scope.ACCOUNT: f"Account {hold.name}", Scope.AGENT: hold.name}[hold.scope]
    return _view(
        f"hold {hold.kind} {hold.scope} {hold.name}",
        Kind.CAP,
        whose,
        "/spending",
        "has reached its cap",
        one_line(hold.reason, 240),
        "Raise it",
        None,
    )


def _letters(letters: Sequence[DeadLetter]) -> list[WaitingView]:
    """One line for all of them: they are settled together."""
    if not letters:
        return []
    count = "A message" if len(letters) == 1 else f"{len(letters)} messages"
    to = ", ".join(sorted({letter.message.recipient for letter in letters}))
    return [
        _view(
            "letters",
            Kind.LETTERS,
            count,
            "/dead-letters",
            "could not be delivered",
            one_line(f"To {to}. Last reason: {letters[0].reason}", 240),
            "Look into it",
            letters[-1].died_at,
        )
    ]
