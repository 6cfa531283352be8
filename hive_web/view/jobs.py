"""Jobs in words, and how far they have come."""

from dataclasses import dataclass
from enum import StrEnum

from hive_rpc.configuration import Job, JobKind, JobState, JobStep

KIND_WORDS = {
    JobKind.SPAWN: "is created",
    JobKind.REBUILD: "gets another configuration",
    JobKind.START: "is started",
    JobKind.STOP: "is stopped",
    JobKind.RESTART: "is restarted",
    JobKind.UPDATE: "is updated",
    JobKind.DESTROY: "is destroyed",
}
_SWITCHING = (JobStep.BEGIN, JobStep.APPLY, JobStep.SWITCH, JobStep.FINISH)
STEP_WORDS = {
    JobStep.BEGIN: "Prepare and build",
    JobStep.APPLY: "Apply the commit",
    JobStep.SWITCH: "Drain and switch",
    JobStep.ROLL_BACK: "Take it back",
    JobStep.FINISH: "Finish",
}


class Mark(StrEnum):
    DONE = "done"
    NOW = "now"
    FAILED = "failed"
    AHEAD = "ahead"


@dataclass(frozen=True)
class StepView:
    words: str
    mark: Mark


def steps(job: Job) -> list[StepView]:
    """From waiting in the queue to the end."""
    words = ["Wait for its turn", *(STEP_WORDS.get(step, step.value) for step in _way(job)), "Done"]
    at, mark = len(words), Mark.DONE
    if job.state is not JobState.DONE:
        at = 0 if job.started_at is None else _position(job)
        mark = Mark.FAILED if job.state.ended else Mark.NOW
    marks = [Mark.DONE if n < at else mark if n == at else Mark.AHEAD for n in range(len(words))]
    if mark is Mark.FAILED and job.step is JobStep.ROLL_BACK:
        # What failed is what it went back from.
        marks[at - 1], marks[at] = Mark.FAILED, Mark.DONE
    return [StepView(*pair) for pair in zip(words, marks, strict=True)]


def _way(job: Job) -> tuple[JobStep, ...]:
    if job.kind not in (JobKind.REBUILD, JobKind.UPDATE):
        return (JobStep.BEGIN,)
    if job.step is JobStep.ROLL_BACK:
        return (*_SWITCHING[:-1], JobStep.ROLL_BACK)
    return _SWITCHING


def _position(job: Job) -> int:
    """Only some containers are built, and nothing is changed by it: that is the end of the beginning."""
    way = _way(job)
    return 1 + (way.index(job.step) if job.step in way else 0)


def can_be_cancelled(job: Job) -> bool:
    """What to offer; core decides when it is asked for."""
    if job.state is JobState.WAITING:
        return True
    begins = job.step is JobStep.BEGIN and job.kind is JobKind.REBUILD
    return job.state is JobState.RUNNING and (begins or job.step is JobStep.BUILD)
