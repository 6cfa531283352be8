"""One look at the hive: everything that a page's frame and the front page are made of."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hive_rpc.accounts import Hold, HoldKind
from hive_rpc.configuration import Approval, ApprovalState, Job
from hive_rpc.dialogue import Question, QuestionState
from hive_rpc.errors import NotFoundError
from hive_rpc.interfaces.operator import (
    AgentStatus,
    AgentToday,
    ApprovalsRequest,
    DeadLetter,
    DeadLettersRequest,
    JobsRequest,
    Operator,
    OperatorRequest,
    QuestionsRequest,
    StatusReply,
)
from hive_rpc.types import OPERATOR

T = TypeVar("T")
DEAD_LETTERS = 50
JOBS = 50


@dataclass(frozen=True)
class Look:
    """What core said within one moment."""

    status: StatusReply
    today: Mapping[str, AgentToday]
    approvals: Sequence[Approval]
    """Those that have not ended: they wait for a decision, or are carried out."""
    jobs: Sequence[Job]
    """Those that wait or run."""
    questions: Sequence[Question]
    """Open ones to the operators."""
    letters: Sequence[DeadLetter]
    """The newest dead letters."""
    holds: Sequence[Hold]
    """Those that only an operator ends."""

    @property
    def pending(self) -> Sequence[Approval]:
        """What waits for a decision."""
        return [approval for approval in self.approvals if approval.state is ApprovalState.PENDING]

    def agent(self, name: str) -> AgentStatus:
        """Raises NotFoundError."""
        found = next((agent for agent in self.status.agents if agent.name == name), None)
        if found is None:
            raise NotFoundError(f"There is no agent {name}.", hint="The hive’s page shows every agent.")
        return found


def counts(look: Look) -> dict[str, int]:
    """How much waits in each place of the navigation."""
    return {
        "questions": len(look.questions),
        "approvals": len(look.pending),
        "dead-letters": len(look.letters),
    }


async def look(operator: Operator, token: str, *, background: bool = False) -> Look:
    """With `background` the session does not count as used."""
    asked = OperatorRequest(session=token, background=background)
    common = {"session": token, "background": background}
    status = await operator.status(asked)
    today = await offered(operator.today(asked))
    approvals = await offered(operator.approvals(ApprovalsRequest.model_validate(common)))
    questions = await offered(operator.questions(QuestionsRequest.model_validate(common | {"addressee": OPERATOR})))
    letters = await offered(operator.dead_letters(DeadLettersRequest.model_validate(common | {"limit": DEAD_LETTERS})))
    jobs = await offered(operator.jobs(JobsRequest.model_validate(common | {"limit": JOBS})))
    return Look(
        status=status,
        today={agent.agent: agent for agent in today.agents} if today else {},
        approvals=[a for a in approvals.approvals if not a.state.ended] if approvals else [],
        jobs=[job for job in jobs.jobs if not job.state.ended] if jobs else [],
        questions=[q for q in questions.questions if q.state is QuestionState.OPEN] if questions else [],
        letters=letters.letters if letters else [],
        holds=[hold for hold in status.holds if hold.kind is HoldKind.CAP],
    )


async def offered(call: Awaitable[T]) -> T | None:
    """What a method answers; None from a core that does not offer it."""
    try:
        return await call
    except NotFoundError:
        return None
