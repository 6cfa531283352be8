"""`hive approvals`, `deploys`, `config`, `inputs` and `revive`."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hive_rpc.configuration import (
    ApplyConfigPayload,
    Approval,
    ApprovalKind,
    ApprovalState,
    Commit,
    Job,
    JobKind,
    JobState,
    JobStep,
    Tombstone,
)
from hive_rpc.errors import ConflictError
from hive_rpc.interfaces.operator.approvals import ApprovalReply, ApprovalsReply, OperatorApprovalReply
from hive_rpc.interfaces.operator.configuration import ConfigDiffReply, ConfigLogReply, ConfigReply, Input, InputsReply
from hive_rpc.interfaces.operator.jobs import JobReply, JobsReply
from hive_rpc.interfaces.operator.lives import TombstonesReply
from hive_rpc.interfaces.operator.spending import EgressLogReply
from hive_rpc.types import Empty
from tests.support.shell import Shell, scripted_shell

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OLD, NEW = "a" * 40, "b" * 40
ASKED = Approval(
    id="apr_1",
    kind=ApprovalKind.APPLY_CONFIG,
    agent="worker",
    state=ApprovalState.PENDING,
    reason="It needs to think.",
    requested_by="manager",
    requested_at=NOW,
    expires_at=NOW + timedelta(days=7),
    apply_config=ApplyConfigPayload(sha=NEW, base=OLD),
)
APPROVED = ASKED.model_copy(update={"state": ApprovalState.APPROVED, "job": "job_1"})
JOB = Job(
    id="job_1",
    kind=JobKind.REBUILD,
    agent="worker",
    state=JobState.DONE,
    step=JobStep.FINISH,
    requested_by="ada",
    requested_at=NOW,
    started_at=NOW,
    ended_at=NOW + timedelta(seconds=5),
)
SHOWN = ApprovalReply(approval=ASKED, diff="-old\n+new\x1b[2J\n", base=OLD, warnings=["worker gets the moon."])
RUNNING = ConfigReply(agent="worker", config='model = "opus"\n', sha=OLD)


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    async with scripted_shell(tmp_path) as shell:
        yield shell


async def test_what_waits_is_listed_with_who_asks_and_why(shell: Shell) -> None:
    shell.core.answers["approvals"] = ApprovalsReply(approvals=[ASKED])
    done = await shell.hive("approvals")
    assert {"apr_1", "pending", "worker", "manager"} <= set(done.stdout.split())
    assert "It needs to think." in done.stdout


async def test_an_approval_is_shown_with_its_difference_and_cannot_steer_the_terminal(shell: Shell) -> None:
    shell.core.answers["show_approval"] = SHOWN
    done = await shell.hive("approvals", "show", "apr_1", "--against", "approved")
    assert "+new" in done.stdout
    assert "! worker gets the moon." in done.stdout
    assert "\x1b" not in done.stdout
    assert shell.asked("show_approval").against == "approved"


async def test_approving_waits_for_the_end(shell: Shell) -> None:
    shell.core.answers |= {
        "approve": OperatorApprovalReply(approval=APPROVED),
        "await_job": JobReply(job=JOB, log="Draining worker.\n"),
    }
    done = await shell.hive("approvals", "approve", "apr_1", "--note", "go")
    assert (done.exit_code, done.stdout) == (0, "Done in 5s.\n")
    assert "Draining worker." in done.stderr
    assert shell.asked("approve").note == "go"


async def test_what_was_approved_and_failed_is_exit_code_1(shell: Shell) -> None:
    failed = JOB.model_copy(update={"state": JobState.FAILED, "error": "It did not come up."})
    shell.core.answers |= {
        "approve": OperatorApprovalReply(approval=APPROVED),
        "await_job": JobReply(job=failed, log=""),
    }
    done = await shell.hive("approvals", "approve", "apr_1")
    assert done.exit_code == 1
    assert "It did not come up." in done.stderr


async def test_deciding_what_is_decided_is_refused_with_the_reason(shell: Shell) -> None:
    shell.core.answers["deny"] = ConflictError("apr_1 was decided already.")
    done = await shell.hive("approvals", "deny", "apr_1", "--note", "no")
    assert (done.exit_code, done.stderr) == (1, "hive: apr_1 was decided already.\n")


async def test_jobs_are_listed_and_shown_with_their_log(shell: Shell) -> None:
    shell.core.answers |= {"jobs": JobsReply(jobs=[JOB]), "show_job": JobReply(job=JOB, log="Draining worker.\n")}
    assert "rebuild" in (await shell.hive("deploys")).stdout
    assert "Draining worker." in (await shell.hive("deploys", "show", "job_1")).stdout


async def test_that_there_is_nothing_of_one_agent_is_not_said_of_all(shell: Shell) -> None:
    shell.core.answers |= {"jobs": JobsReply(jobs=[]), "egress_log": EgressLogReply(entries=[])}
    assert (await shell.hive("deploys")).stdout == "Nothing was done yet.\n"
    assert (await shell.hive("deploys", "--agent", "ghost")).stdout == "Nothing was done with ghost yet.\n"
    assert (await shell.hive("egress", "log")).stdout == "No agent has connected to anything.\n"
    assert (await shell.hive("egress", "log", "ghost")).stdout == "No connection of ghost.\n"


async def test_an_edit_is_a_proposal_that_waits_unless_one_says_yes(shell: Shell, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('model = "haiku"\n')
    shell.core.answers |= {
        "config": RUNNING,
        "edit_config": OperatorApprovalReply(approval=ASKED),
        "show_approval": SHOWN,
        "approve": OperatorApprovalReply(approval=APPROVED),
        "await_job": JobReply(job=JOB, log=""),
    }
    waiting = await shell.hive("config", "worker", "edit", "--file", str(config))
    assert "hive approvals approve apr_1" in waiting.stderr
    assert (shell.asked("edit_config").config, shell.asked("edit_config").base) == ('model = "haiku"\n', OLD)
    assert not any(name == "approve" for name, _ in shell.core.asked)
    done = await shell.hive("config", "worker", "edit", "--file", str(config), "--yes")
    assert done.stdout == "Done in 5s.\n"


async def test_the_same_text_is_no_proposal(shell: Shell, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(RUNNING.config)
    shell.core.answers["config"] = RUNNING
    done = await shell.hive("config", "worker", "edit", "--file", str(config))
    assert (done.exit_code, done.stderr) == (0, "Nothing was changed.\n")


async def test_commits_are_named_by_their_beginning(shell: Shell) -> None:
    commits = [Commit(sha=NEW, at=NOW, author="m", subject="s", tags=["deployed/apr_1"])]
    commits.append(Commit(sha=OLD, at=NOW, author="m", subject="s"))
    shell.core.answers |= {
        "config": RUNNING,
        "config_log": ConfigLogReply(commits=commits),
        "config_diff": ConfigDiffReply(diff="-old\n+new\n"),
    }
    assert "deployed/apr_1" in (await shell.hive("config", "worker", "log")).stdout
    assert (await shell.hive("config", "worker", "diff", "aaa", "bbb")).stdout == "-old\n+new\n"
    assert (shell.asked("config_diff").old, shell.asked("config_diff").new) == (OLD, NEW)
    unknown = await shell.hive("config", "worker", "diff", "ccc")
    assert unknown.exit_code == 1
    assert "ccc" in unknown.stderr


async def test_an_update_of_inputs_is_a_proposal_that_waits_unless_one_says_yes(shell: Shell) -> None:
    shell.core.answers |= {
        "update_inputs": OperatorApprovalReply(approval=ASKED),
        "show_approval": SHOWN,
        "approve": OperatorApprovalReply(approval=APPROVED),
        "await_job": JobReply(job=JOB, log=""),
    }
    waiting = await shell.hive("inputs", "update", "nixpkgs", "--reason", "It is time.")
    assert (shell.asked("update_inputs").inputs, shell.asked("update_inputs").reason) == (["nixpkgs"], "It is time.")
    assert "hive approvals approve apr_1" in waiting.stderr
    assert not any(name == "approve" for name, _ in shell.core.asked)
    assert (await shell.hive("inputs", "update", "--yes")).exit_code == 0
    assert any(name == "approve" for name, _ in shell.core.asked)


async def test_inputs_tell_what_is_pinned_and_print_the_flake(shell: Shell) -> None:
    pinned = Input(name="agent-worker", url="git+file:///x", revision=NEW, modified_at=NOW)
    shell.core.answers["inputs"] = InputsReply(inputs=[pinned], flake="{ }\n")
    assert "bbbbbbbbbbbb" in (await shell.hive("inputs")).stdout
    assert (await shell.hive("inputs", "--flake")).stdout == "{ }\n"


async def test_who_can_be_revived_is_listed_and_revived(shell: Shell) -> None:
    stones = TombstonesReply(tombstones=[Tombstone(agent="worker", destroyed_at=NOW, destroyed_by="ada")])
    shell.core.answers |= {"tombstones": stones, "revive": Empty()}
    assert "ada" in (await shell.hive("revive")).stdout
    assert (await shell.hive("revive", "worker")).stdout == "worker is back.\n"


@pytest.mark.parametrize("words", [["restart"], ["restart", "worker", "--all"]])
async def test_restarting_nobody_or_both_is_wrong_usage(words: list[str], shell: Shell) -> None:
    assert (await shell.hive(*words)).exit_code == 2
