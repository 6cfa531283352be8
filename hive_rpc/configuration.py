"""Configurations, what is asked for about them, and the work that carries it out.

Shared by `org.hive.Operator` and `org.hive.Manager`, so that both see the same thing.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from hive_rpc.types import AgentName, Model, Time

Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
"""A commit's full id. Never a branch or a tag: those move."""

InputName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=100)]
"""Of an input of the meta flake."""
MAX_INPUTS = 100

MAX_REASON = 2000
"""Characters of a reason or a note."""


class ApprovalKind(StrEnum):
    """What an approval is about; exactly the payload of the same name is filled."""

    SPAWN = "spawn"
    APPLY_CONFIG = "apply_config"
    UPDATE_INPUTS = "update_inputs"
    DESTROY = "destroy"


class ApprovalState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    """Its job waits for its turn."""
    RUNNING = "running"
    DEPLOYED = "deployed"
    DENIED = "denied"
    FAILED = "failed"
    """It was carried out, did not work, and was taken back."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Nobody decided in time, which means no."""

    @property
    def ended(self) -> bool:
        return self not in {ApprovalState.PENDING, ApprovalState.APPROVED, ApprovalState.RUNNING}


class SpawnPayload(Model):
    sha: Sha
    """The commit with its configuration."""


class ApplyConfigPayload(Model):
    sha: Sha
    base: Sha | None = None
    """What the agent ran when this was asked for."""


class InputChange(Model):
    """An input of the meta flake that is to be pinned otherwise."""

    name: str
    old: str | None = None
    """Its revision, or its hash where it has none; None for one that was not pinned before."""
    old_at: Time | None = None
    new: str
    new_at: Time | None = None


class UpdateInputsPayload(Model):
    changes: list[InputChange]
    """What every agent is built from instead, with its own configuration as it is."""


class DestroyPayload(Model):
    """The agent's files are kept; deleting them is the operator's alone."""


class Approval(Model):
    """Something that changes the hive's shape, and what was decided about it."""

    id: str
    kind: ApprovalKind
    agent: str
    """Whom it is about; `hive` for what is about all of it."""
    state: ApprovalState
    reason: str
    """Why, in the words of whoever asks."""
    requested_by: str
    requested_at: Time
    expires_at: Time
    decided_by: str | None = None
    decided_via: str | None = None
    """The socket on which it was decided."""
    decided_at: Time | None = None
    note: str | None = None
    job: str | None = None
    """What carries it out."""
    ended_at: Time | None = None
    error: str | None = None
    """Why it failed."""
    spawn: SpawnPayload | None = None
    apply_config: ApplyConfigPayload | None = None
    update_inputs: UpdateInputsPayload | None = None
    destroy: DestroyPayload | None = None

    @property
    def sha(self) -> str | None:
        """The commit that it is about, where it is about one."""
        payload = self.spawn or self.apply_config
        return payload.sha if payload is not None else None


class DiffBase(StrEnum):
    """What a proposal is compared with."""

    RUNNING = "running"
    """What the agent runs now."""
    APPROVED = "approved"
    """What was approved last, whether it worked or not."""
    PROPOSED = "proposed"
    """The proposal before this one."""


class JobKind(StrEnum):
    SPAWN = "spawn"
    REBUILD = "rebuild"
    """Switch to an approved configuration."""
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    UPDATE = "update"
    """Switch to what is new in the meta flake's inputs."""
    DESTROY = "destroy"


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in {JobState.WAITING, JobState.RUNNING}


class JobStep(StrEnum):
    """Where a job that runs has come to. Core that is started again goes on at the beginning of the step."""

    BEGIN = "begin"
    BUILD = "build"
    """What is to run is built. Nothing is changed yet, and the job can be called off."""
    APPLY = "apply"
    """`applied` and the meta flake are moved to it."""
    SWITCH = "switch"
    """The agent is drained, switched and has to come up healthy."""
    ROLL_BACK = "roll_back"
    FINISH = "finish"


class Job(Model):
    """Work on one agent's life. One agent's jobs run one after the other, in the order in which they were asked for."""

    id: str
    kind: JobKind
    agent: str
    state: JobState
    step: JobStep
    approval: str | None = None
    requested_by: str
    requested_at: Time
    started_at: Time | None = None
    ended_at: Time | None = None
    error: str | None = None
    wave: int = 0
    """Of several that belong together those of a lower number are through before this one begins."""


class Commit(Model):
    """A commit of an agent's configuration that was proposed or applied."""

    sha: str
    at: Time
    author: str
    subject: str
    tags: list[str] = []
    """`proposal/<id>`, `approved/<id>`, `deployed/<id>`, `failed/<id>`, `denied/<id>`: the ids are approvals'."""


class Tombstone(Model):
    """What is left of a destroyed agent whose files were kept."""

    agent: AgentName
    destroyed_at: Time
    destroyed_by: str
    sha: str | None = None
