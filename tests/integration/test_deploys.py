"""From a proposal to an agent that runs with it, or that runs as before."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_base.process import Completed
from hive_core.approvals.approvals import MAX_PENDING, TIME_TO_LIVE
from hive_core.approvals.telling import AGENT_SOCKET
from hive_core.build.sandbox import Errand
from hive_core.jobs import Order
from hive_core.operators.audit import Actor, Audit
from hive_core.retention import Retention, RetentionPolicy
from hive_core.store import Database
from hive_rpc.configuration import ApprovalState, DiffBase, JobKind, JobState
from hive_rpc.errors import AgentFailedError, ConflictError, InvalidError, NotFoundError, RateLimitedError
from hive_rpc.types import AgentState
from tests.support.changing import ADA, MANAGER, Changing, core
from tests.support.fake_systemd import Bus, FakeSystemd, fake_systemd

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="directories get other owners")

OPUS = 'model = "opus"\n[environment]\nCOLOR = "blue"\n'


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Path, Bus, FakeSystemd]]:
    async with fake_systemd(tmp_path) as (bus, systemd):
        yield tmp_path, bus, systemd


@pytest.fixture
async def hive(world: tuple[Path, Bus, FakeSystemd]) -> AsyncIterator[Changing]:
    """With a manager and a worker."""
    async with core(*world) as changing:
        await changing.spawn("manager", 'capabilities = ["manager"]\n')
        await changing.spawn("worker", 'model = "sonnet"\n')
        await changing.told("manager")
        yield changing


async def test_an_approved_configuration_is_what_the_agent_runs_with(hive: Changing) -> None:
    before = hive.lives.agents.get("worker")
    asked = await hive.changes.proposals.apply(MANAGER, "worker", hive.propose("worker", OPUS), "It needs to think.")
    assert (asked.state, hive.lives.agents.get("worker")) == (ApprovalState.PENDING, before), "nothing happens before"
    deployed = await hive.approved(asked)
    assert (deployed.state, deployed.decided_by, deployed.note) == (ApprovalState.DEPLOYED, "ada", "go")
    worker = hive.lives.agents.get("worker")
    assert (worker.config.model, worker.config.environment, worker.sha) == ("opus", {"COLOR": "blue"}, asked.sha)
    assert worker.state is AgentState.IDLE
    assert worker.instance != before.instance
    assert ("drain", "worker") in hive.lives.hooks.told
    assert await hive.tags("worker") == {"proposal", "approved", "deployed"}
    assert await hive.changes.repositories.head("worker") == asked.sha
    (said,) = await hive.told("manager")
    assert asked.id in said
    assert "carried out" in said


async def test_what_an_agent_asks_for_is_looked_at_one_after_the_other_and_not_without_end(
    hive: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = hive.propose("worker", "model = 7")
    most = now = 0
    run = hive.sandbox.run

    async def running(errand: Errand) -> Completed:
        nonlocal most, now
        now += 1
        most = max(most, now)
        try:
            await asyncio.sleep(0)
            return await run(errand)
        finally:
            now -= 1

    monkeypatch.setattr(hive.sandbox, "run", running)
    asking = (hive.changes.proposals.apply(MANAGER, "worker", sha, "") for _ in range(50))
    refused = await asyncio.gather(*asking, return_exceptions=True)
    assert most == 1
    assert [type(end) for end in refused] == [InvalidError] * 40 + [RateLimitedError] * 10
    with pytest.raises(InvalidError):
        await hive.changes.proposals.apply(ADA, "worker", sha, "")


async def test_a_new_agent_need_not_wait_for_git(hive: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    unread = []
    run = hive.sandbox.run

    async def running(errand: Errand) -> Completed:
        unread.append(await hive.broker.unread("scout"))
        return await run(errand)

    monkeypatch.setattr(hive.sandbox, "run", running)
    await hive.spawn("scout", OPUS)
    assert unread == [1], "one errand, and the welcome was on its way before it"
    scout = hive.lives.agents.get("scout")
    assert scout.sha == await hive.changes.repositories.head("scout")
    assert (await hive.changes.repositories.read("scout", scout.sha)).config == OPUS


async def test_one_that_does_not_come_up_is_taken_back_and_whoever_asked_gets_the_log(hive: Changing) -> None:
    old = hive.lives.agents.get("worker")
    asked = await hive.changes.proposals.apply(MANAGER, "worker", hive.propose("worker", OPUS), "Why not")
    hive.lives.systemd.failing_once.add(hive.lives.unit("worker"))
    failed = await hive.approved(asked)
    assert failed.state is ApprovalState.FAILED
    assert "the last words" in (failed.error or "")
    worker = hive.lives.agents.get("worker")
    assert (worker.config_text, worker.sha, worker.state) == (old.config_text, old.sha, AgentState.IDLE)
    assert await hive.changes.repositories.head("worker") == old.sha
    assert await hive.tags("worker") == {"proposal", "approved", "failed"}
    (said,) = await hive.told("manager")
    assert "failed and was taken back" in said
    assert "Going back to" in said


async def test_a_denial_reaches_whoever_asked_with_its_note(hive: Changing) -> None:
    asked = await hive.changes.proposals.apply(MANAGER, "worker", hive.propose("worker", OPUS), "Why not")
    denied = await hive.changes.proposals.deny(ADA, asked.id, "Too expensive.")
    assert denied.state is ApprovalState.DENIED
    (said,) = await hive.told("manager")
    assert "was denied by ada" in said
    assert "Too expensive." in said
    assert hive.lives.agents.get("worker").config.model == "sonnet"
    assert "denied" in await hive.tags("worker")
    for again in (hive.changes.proposals.approve, hive.changes.proposals.deny):
        with pytest.raises(ConflictError, match="decided already"):
            await again(ADA, asked.id, "")


async def test_nobody_s_decision_means_no(hive: Changing) -> None:
    asked = await hive.changes.proposals.apply(MANAGER, "worker", hive.propose("worker", OPUS), "Why not")
    await hive.lives.pass_time(TIME_TO_LIVE.total_seconds() + 1)
    await hive.changes.approvals.expire()
    assert (await hive.changes.approvals.get(asked.id)).state is ApprovalState.EXPIRED
    assert "means no" in (await hive.told("manager"))[0]
    with pytest.raises(ConflictError):
        await hive.changes.proposals.approve(ADA, asked.id, "")


async def test_what_was_approved_is_what_was_shown_whatever_happens_to_the_proposal(hive: Changing) -> None:
    asked = await hive.changes.proposals.apply(MANAGER, "worker", hive.propose("worker", OPUS), "Why not")
    hive.propose("worker", 'model = "evil"\n')
    await hive.approved(asked)
    assert hive.lives.agents.get("worker").config.model == "opus"


@pytest.mark.parametrize("sha", ["main", "HEAD", "refs/heads/main", "abc", "-x", "1" * 41, "A" * 40])
async def test_only_a_full_id_can_be_asked_for(sha: str, hive: Changing) -> None:
    hive.propose("worker", OPUS)
    with pytest.raises(InvalidError, match="full id"):
        await hive.changes.proposals.apply(MANAGER, "worker", sha, "Why not")


@pytest.mark.parametrize(
    ("config", "files", "why"),
    [
        ("model = 1", {}, "model"),
        ("nonsense = 1", {}, "nonsense"),
        ("not toml", {}, "not TOML"),
        ('packages = ["ripgrep"]', {}, "stateless"),
        ("nix = true", {}, "stateless"),
        ("", {"agent_nix": "{ services.nginx.enable = true; }"}, "not built by Nix"),
        ('[environment]\nKEY = "sk-ant-api03-abcdefghij"', {}, "environment.KEY looks like an Anthropic key"),
        ('prompt = "use ghp_0123456789012345678901234567890123"', {}, "prompt looks like a GitHub token"),
        ('[[mounts]]\nsource = "/var/lib/hive/core"\ntarget = "/x"', {}, "not for mounts"),
    ],
)
async def test_what_cannot_be_is_refused_before_a_person_sees_it(
    config: str, files: dict[str, str], why: str, hive: Changing
) -> None:
    with pytest.raises(InvalidError, match=why):
        await hive.changes.proposals.apply(MANAGER, "worker", hive.propose("worker", config, **files), "Why not")
    assert await hive.changes.approvals.page() == []


async def test_asking_twice_for_the_same_is_asking_once(hive: Changing) -> None:
    sha = hive.propose("worker", OPUS)
    asked = [await hive.changes.proposals.apply(MANAGER, "worker", sha, "Why not") for _ in range(2)]
    assert asked[0] == asked[1]
    assert len(await hive.changes.approvals.page()) == 1


async def test_nobody_can_flood_the_operators(hive: Changing) -> None:
    for number in range(MAX_PENDING):
        sha = hive.propose("worker", f'model = "m{number}"')
        await hive.changes.proposals.apply(MANAGER, "worker", sha, "again")
    with pytest.raises(RateLimitedError):
        await hive.changes.proposals.destroy(MANAGER, "worker", "again")


async def test_an_operator_edits_and_is_asked_like_everybody(hive: Changing) -> None:
    base = hive.lives.agents.get("worker").sha
    asked = await hive.changes.proposals.edit(ADA, "worker", OPUS, base, "")
    diff = await hive.changes.proposals.diff(asked, await hive.changes.proposals.base(asked, DiffBase.RUNNING))
    assert '-model = "sonnet"' in diff
    assert '+model = "opus"' in diff
    assert (await hive.approved(asked)).state is ApprovalState.DEPLOYED
    with pytest.raises(ConflictError, match="changed meanwhile"):
        await hive.changes.proposals.edit(ADA, "worker", "", base, "")


async def test_a_proposal_is_compared_with_what_one_wants(hive: Changing) -> None:
    first = await hive.changes.proposals.edit(ADA, "worker", 'model = "a"\n', None, "")
    second = await hive.changes.proposals.edit(ADA, "worker", 'model = "b"\n', None, "")
    third = await hive.changes.proposals.edit(ADA, "worker", 'model = "c"\n', None, "")
    await hive.approved(first)
    base = hive.changes.proposals.base
    assert await base(third, DiffBase.RUNNING) == first.sha
    assert await base(third, DiffBase.APPROVED) == first.sha
    assert await base(third, DiffBase.PROPOSED) == second.sha
    assert "by now" in (await hive.changes.proposals.warnings(third))[0]


async def test_what_is_easily_overlooked_is_said(hive: Changing) -> None:
    config = 'capabilities = ["manager"]\n[[mounts]]\nsource = "/srv/data"\ntarget = "/data"\nwritable = true\n'
    asked = await hive.changes.proposals.edit(ADA, "worker", config, None, "")
    assert await hive.changes.proposals.warnings(asked) == [
        "worker gets the capability manager.",
        "worker can read and write the machine's /srv/data.",
    ]


async def test_a_new_agent_is_there_once_it_is_approved(hive: Changing) -> None:
    asked = await hive.changes.proposals.spawn(MANAGER, "scout", hive.propose("scout", OPUS), "More hands")
    assert "scout" not in hive.lives.agents.live_names()
    assert (await hive.approved(asked)).state is ApprovalState.DEPLOYED
    assert hive.lives.agents.get("scout").config.model == "opus"
    assert hive.lives.agents.get("scout").sha == asked.sha
    with pytest.raises(ConflictError, match="already"):
        await hive.changes.proposals.spawn(MANAGER, "scout", str(asked.sha), "Again")


async def test_a_destroyed_agent_can_be_revived_as_it_was(hive: Changing) -> None:
    asked = await hive.changes.proposals.destroy(MANAGER, "worker", "It is idle.")
    assert (await hive.approved(asked)).state is ApprovalState.DEPLOYED
    with pytest.raises(NotFoundError):
        hive.lives.agents.get("worker")
    (tombstone,) = await hive.lives.agents.tombstones()
    assert (tombstone.agent, tombstone.destroyed_by) == ("worker", "ada")
    await hive.told("worker")
    await hive.lives.clock.advance(2 * 86400 + 3600)
    config, sha = await hive.lives.agents.buried_config("worker")
    await hive.changes.jobs.do(Order(JobKind.SPAWN, "worker", ADA, details={"config": config, "sha": sha or ""}))
    assert hive.lives.agents.get("worker").config.model == "sonnet"
    assert await hive.lives.agents.tombstones() == []
    (told,) = await hive.told("worker")
    assert "destroyed 2 days ago" in told
    assert "files and notes are as they were" in told


async def test_where_nothing_is_built_no_inputs_are_updated(hive: Changing) -> None:
    with pytest.raises(ConflictError, match="stateless"):
        await hive.changes.proposals.update(MANAGER, [], "It is time.")


async def test_a_secret_has_to_be_there_before_it_is_given(hive: Changing, tmp_path: Path) -> None:
    config = '[secrets]\nTOKEN = "forge"\n[tools]\nask = ["Bash"]\n'
    sha = hive.propose("worker", config)
    with pytest.raises(InvalidError, match="no secret forge"):
        await hive.changes.proposals.apply(MANAGER, "worker", sha, "Why not")
    secrets = hive.changes.proposals._secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "forge").write_text("hush")
    asked = await hive.changes.proposals.apply(MANAGER, "worker", sha, "Why not")
    assert await hive.changes.proposals.warnings(asked) == ["worker gets the secret forge as TOKEN."]
    assert (await hive.approved(asked)).state is ApprovalState.DEPLOYED
    (conf,) = [path.read_text() for path in hive.lives.confs.glob("h-worker.conf")]
    assert f"--load-credential=hive.forge:{secrets}/forge" in conf
    assert "hush" not in conf
    freed = await hive.changes.proposals.edit(ADA, "worker", "", None, "")
    assert await hive.changes.proposals.warnings(freed) == ["worker may use Bash without a question."]


async def test_every_decision_is_in_the_audit_log(hive: Changing) -> None:
    asked = await hive.changes.proposals.apply(MANAGER, "worker", hive.propose("worker", OPUS), "Why not")
    await hive.approved(asked)
    rows = (await Audit(hive.lives.database).page()).rows
    found = [(r.who, r.action, r.target, r.outcome) for r in reversed(rows) if r.action in ("apply_config", "rebuild")]
    assert found == [
        ("manager", "apply_config", "worker", "requested"),
        ("ada", "rebuild", "worker", "asked"),
        ("ada", "apply_config", "worker", "approved"),
        ("ada", "rebuild", "worker", "done"),
    ]


async def test_what_waits_for_the_same_is_done_once(hive: Changing) -> None:
    hive.lives.hooks.drained.clear()
    (first,) = await hive.changes.jobs.submit(Order(JobKind.RESTART, "worker", ADA))
    await hive.lives.hooks.hear("drain", "worker")
    again = [(await hive.changes.jobs.submit(Order(JobKind.RESTART, "worker", ADA)))[0] for _ in range(3)]
    assert len({job.id for job in again} | {first.id}) == 2
    hive.lives.hooks.drained.set()
    assert (await hive.changes.jobs.wait(again[0].id))[0].state is JobState.DONE


async def test_a_destroyed_agent_has_no_work_left(hive: Changing) -> None:
    hive.lives.hooks.drained.clear()
    destroying = asyncio.ensure_future(hive.changes.jobs.do(Order(JobKind.DESTROY, "worker", ADA)))
    await hive.lives.hooks.hear("drain", "worker")
    (late,) = await hive.changes.jobs.submit(Order(JobKind.RESTART, "worker", ADA))
    hive.lives.hooks.drained.set()
    await destroying
    assert (await hive.changes.jobs.wait(late.id))[0].state is JobState.CANCELLED


async def test_what_has_not_begun_can_be_called_off(hive: Changing) -> None:
    hive.lives.hooks.drained.clear()
    (first,) = await hive.changes.jobs.submit(Order(JobKind.RESTART, "worker", ADA))
    await hive.lives.hooks.hear("drain", "worker")
    asked = await hive.changes.proposals.edit(ADA, "worker", OPUS, None, "")
    approved = await hive.changes.proposals.approve(ADA, asked.id, "")
    await hive.changes.jobs.cancel(str(approved.job), ADA)
    assert (await hive.changes.approvals.get(asked.id)).state is ApprovalState.CANCELLED
    with pytest.raises(ConflictError, match="under way"):
        await hive.changes.jobs.cancel(first.id, ADA)
    hive.lives.hooks.drained.set()
    await hive.changes.jobs.wait(first.id)
    assert hive.lives.agents.get("worker").config.model == "sonnet"


async def test_a_wave_begins_when_the_one_before_is_through(hive: Changing) -> None:
    hive.lives.hooks.drained.clear()
    orders = [
        Order(JobKind.RESTART, "manager", ADA, batch="b"),
        Order(JobKind.RESTART, "worker", ADA, batch="b", wave=1),
    ]
    first, second = await hive.changes.jobs.submit(*orders)
    await hive.lives.hooks.hear("drain", "manager")
    assert (await hive.changes.jobs.get(second.id))[0].state is JobState.WAITING
    hive.lives.hooks.drained.set()
    first, _ = await hive.changes.jobs.wait(first.id)
    second, _ = await hive.changes.jobs.wait(second.id)
    assert first.ended_at is not None
    assert second.started_at is not None
    assert second.started_at >= first.ended_at


async def test_a_failure_of_a_job_is_told_to_who_waits_for_it(hive: Changing) -> None:
    hive.lives.systemd.failing.add(hive.lives.unit("worker"))
    with pytest.raises(AgentFailedError, match="the last words"):
        await hive.changes.jobs.do(Order(JobKind.RESTART, "worker", ADA))


async def test_everybody_who_asks_for_the_same_is_told_how_it_ended(hive: Changing) -> None:
    await hive.spawn("deputy", 'capabilities = ["manager"]\n')
    deputy = Actor("deputy", AGENT_SOCKET)
    hive.lives.hooks.drained.clear()
    await hive.changes.jobs.submit(Order(JobKind.RESTART, "worker", ADA))
    await hive.lives.hooks.hear("drain", "worker")
    shared = [(await hive.changes.jobs.submit(Order(JobKind.RESTART, "worker", who)))[0] for who in (MANAGER, deputy)]
    assert shared[0] == shared[1]
    hive.lives.hooks.drained.set()
    await hive.changes.jobs.wait(shared[0].id)
    sha = hive.propose("worker", OPUS)
    asked = [await hive.changes.proposals.apply(who, "worker", sha, "Why not") for who in (deputy, MANAGER)]
    assert asked[0] == asked[1]
    await hive.changes.proposals.deny(ADA, asked[0].id, "Too dear.")
    for name in ("manager", "deputy"):
        restarted, denied = await hive.told(name)
        assert "worker is restarted" in restarted
        assert "Too dear." in denied


async def test_a_manager_learns_how_a_restart_ended(hive: Changing) -> None:
    (job,) = await hive.changes.jobs.submit(Order(JobKind.RESTART, "worker", MANAGER))
    await hive.changes.jobs.wait(job.id)
    assert "worker is restarted" in (await hive.told("manager"))[0]


async def test_what_has_ended_long_ago_is_forgotten_and_what_waits_is_not(
    hive: Changing, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await hive.approved(await hive.changes.proposals.edit(ADA, "worker", OPUS, None, ""))
    clock = hive.lives.clock
    policy = RetentionPolicy()
    await hive.lives.pass_time(policy.dialogue.total_seconds() + 1)
    waiting = await hive.changes.proposals.edit(ADA, "worker", "", None, "")
    async with Database(tmp_path_factory.mktemp("events") / "events.sqlite", "events") as events:
        sweeping = asyncio.ensure_future(Retention(hive.lives.database, events, clock, policy).sweep())
        while not sweeping.done():
            await clock.advance(1)
        await sweeping
    assert [a.id for a in await hive.changes.approvals.page(everything=True)] == [waiting.id]
    assert await hive.changes.jobs.page(None, 50) == []
