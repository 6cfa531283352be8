"""What an operator can command an agent's harness, and how far a command has come.

Shared by `org.hive.Operator` and core's store, so that the page, the shell and the database say the same.
"""

from enum import StrEnum

from hive_rpc.types import Model, Time


class AgentCommandKind(StrEnum):
    CANCEL = "cancel"
    """End the turn that runs; its messages are done with."""
    COMPACT = "compact"
    """Replace the conversation by a summary, when no turn runs."""
    NEW_SESSION = "new_session"
    """Begin the next turn in a new conversation, with a hand-over note."""
    WAKE = "wake"
    """Try again now, whatever the agent is parked for."""
    MODEL = "model"
    """Use the model `value` from the next turn on; without a value the one of its `agent.toml`."""
    EFFORT = "effort"
    """Use the effort `value` from the next turn on; without a value the model's own."""
    PAUSE = "pause"
    """Begin no further turn."""
    RESUME = "resume"


class Effort(StrEnum):
    """How hard a model thinks; the CLI's own levels."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class AgentCommandState(StrEnum):
    QUEUED = "queued"
    """The harness carries it out as soon as it can: most of them between two turns."""
    DONE = "done"
    REFUSED = "refused"
    """It came to nothing; `reason` says why."""


class AgentCommand(Model):
    id: str
    agent: str
    kind: AgentCommandKind
    value: str | None = None
    state: AgentCommandState
    reason: str | None = None
    asked_by: str
    asked_at: Time
    ended_at: Time | None = None
