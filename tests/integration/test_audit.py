"""Whatever changes something leaves a row that says who, from where, what and how it ended.

Asked on a real core's `web.sock`, method by method as the interface has them: one that is new fails here until somebody
has thought of it.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hive_base.clock import SystemClock
from hive_base.tasks import alongside
from hive_core.meta.meta import Proposed
from hive_rpc.accounts import Account, AccountKind
from hive_rpc.client import Client, connect
from hive_rpc.configuration import InputChange
from hive_rpc.errors import AgentFailedError, ConflictError, ForbiddenError, HiveError, NotSignedInError
from hive_rpc.interface import methods
from hive_rpc.interfaces.agent import Agent, AskRequest, HelloRequest, NackRequest, ReceiveRequest, RemindRequest
from hive_rpc.interfaces.gateway import (
    ErrandError,
    ErrandKind,
    FinishErrandRequest,
    Gateway,
    Login,
    ReportAccountsRequest,
)
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.jobs import RestartAllRequest
from hive_rpc.interfaces.operator.lives import SpawnRequest
from hive_rpc.interfaces.operator.people import AuditRequest, AuditRow, InviteRequest, SetPasswordRequest
from hive_rpc.interfaces.session import RedeemRequest, Session, SessionRequest, SignInRequest
from hive_rpc.types import Empty, Role
from tests.support.whole_core import WholeCore, whole_core

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="directories get other owners")

READS = {
    "Status", "Look", "Today", "Stats", "AgentCommands", "Messages", "Conversation", "Thread", "Search", "Events",
    "Questions", "Reminders", "ReminderRollup", "LooseEnds", "DeadLetters", "Accounts", "Spending", "EgressLog",
    "Audit", "Sessions", "Operators", "ListAgentFiles", "ReadAgentFile", "ReadLog", "Approvals", "ShowApproval",
    "Jobs", "ShowJob", "Config", "ConfigLog", "ConfigDiff", "Inputs", "Tombstones", "AwaitReply", "AwaitJob", "Doctor",
    "ReadAgentConfig", "Watch", "Logs", "Metrics", "Greet", "Describe",
}  # fmt: skip
PASSWORD = "correct horse battery"
ADDRESS = "203.0.113.7"
SECRET = "sk-ant-a-secret-that-nobody-sees-again"


class Row(NamedTuple):
    """What is expected; the target is what the request names, if nothing else is said."""

    action: str
    outcome: str
    target: str


@dataclass
class Hive:
    core: WholeCore
    web: Client
    worker: Agent
    session: str
    gateway_fails: bool = False

    async def call(self, method: str, **given: Any) -> Any:
        """As ann, an admin, from her browser, with her password."""
        declared = methods(Operator)[method]
        request = declared.request.model_validate({"session": self.session, "password": PASSWORD, **given})
        return await getattr(self.web.proxy(Operator), declared.attribute)(request)

    async def rows(self) -> list[AuditRow]:
        async with connect(self.core.run.operator_socket) as shell:
            return (await shell.proxy(Operator).audit(AuditRequest(limit=500))).rows

    async def signed_in(self) -> str:
        request = SignInRequest(name="ann", password=PASSWORD, address=ADDRESS)
        return (await self.web.proxy(Session).sign_in(request)).session

    async def proposal(self, memory: int) -> str:
        edited = await self.call("EditConfig", name="worker", config=f"[limits]\nmemory_mib = {memory}\n")
        approval: str = edited.approval.id
        return approval

    async def question(self) -> str:
        return (await self.worker.ask(AskRequest(question="Which?"))).question.id

    async def reminder(self) -> str:
        return (await self.worker.remind(RemindRequest(message="Look.", in_seconds=3600))).reminder.id

    async def dead_letter(self) -> str:
        sent: str = (await self.call("Send", to="worker", body="to be given up")).id
        while True:
            got = await self.worker.receive(ReceiveRequest(wait_seconds=0, max=50))
            if not got.messages:
                return sent
            await self.worker.nack(NackRequest(ids=[message.id for message in got.messages], reason="cannot"))

    async def write(self, sql: str, *values: object) -> None:
        def write() -> None:
            with sqlite3.connect(self.core.state.core_database, timeout=10) as database:
                database.execute(sql, values)
            database.close()

        await asyncio.to_thread(write)


@asynccontextmanager
async def hive(root: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Hive]:
    """With a worker, an operator ann, and a gateway that does what it is told."""
    async with whole_core(root, patch) as core:
        async with (
            connect(core.run.operator_socket) as shell,
            connect(core.run.web_socket) as web,
            connect(core.run.gateway_control_socket) as gateway,
            connect(core.run.gateway_control_socket) as answers,
        ):
            operator = shell.proxy(Operator)
            await operator.invite(InviteRequest(name="ann", role=Role.ADMIN))
            await operator.set_password(SetPasswordRequest(name="ann", new_password=PASSWORD))
            await operator.spawn(SpawnRequest(name="worker"))
            async with connect(core.run.core_socket("worker")) as line:
                await line.proxy(Agent).hello(HelloRequest(instance="instance-1"))
                site = Hive(core, web, line.proxy(Agent), "")
                site.session = await site.signed_in()
                accounts = [Account(name=name, kind=AccountKind.API_KEY) for name in ("default", "spare")]
                report = ReportAccountsRequest(accounts=accounts, holds=[])
                await answers.proxy(Gateway).report_accounts(report)

                async def errands() -> None:
                    async for errand in gateway.proxy(Gateway).errands(Empty()):
                        error = ErrandError(name="org.hive.Conflict", message="It will not.")
                        login = Login(id="login_1", address="https://x", expires_at=SystemClock().now())
                        done = FinishErrandRequest(
                            id=errand.id,
                            error=error if site.gateway_fails else None,
                            login=login if errand.kind is ErrandKind.BEGIN_LOGIN else None,
                        )
                        await answers.proxy(Gateway).finish_errand(done)

                async with alongside(errands()):
                    yield site


Step = Callable[[Hive, str], Awaitable[Row]]
Make = Callable[[Hive], Awaitable[str]]


def plain(action: str, target: str, outcome: str = "done", **given: Any) -> Step:
    async def step(site: Hive, method: str) -> Row:
        await site.call(method, **given)
        return Row(action, outcome, target)

    return step


def about(
    make: Callable[[Hive], Awaitable[str]], action: str, outcome: str = "done", target: str | None = None
) -> Step:
    """With the id of something that is made first, which is the target if no other is given."""

    async def step(site: Hive, method: str) -> Row:
        made = await make(site)
        await site.call(method, id=made)
        return Row(action, outcome, target or made)

    return step


def letters(action: str) -> Step:
    async def step(site: Hive, method: str) -> Row:
        letter = await site.dead_letter()
        await site.call(method, ids=[letter])
        return Row(action, "done", letter)

    return step


async def _answer(site: Hive, method: str) -> Row:
    question = await site.question()
    await site.call(method, id=question, answer="That one.")
    return Row("answer", "done", question)


async def _retry(site: Hive, method: str) -> Row:
    reminder = await site.reminder()
    await site.write("UPDATE reminders SET state = 'failed', error = 'x', settled_at = 0 WHERE id = ?", reminder)
    await site.call(method, id=reminder)
    return Row("retry_reminder", "done", reminder)


async def _revoke(site: Hive, method: str) -> Row:
    await site.signed_in()
    sessions = (await site.call("Sessions")).sessions
    await site.call(method, id=next(s.id for s in sessions if s.operator == "ann" and not s.current))
    return Row("revoke_session", "done", "ann")


async def _update(site: Hive, method: str) -> Row:
    class Pinned:
        async def propose(self, inputs: object) -> Proposed:
            return Proposed("{}", [InputChange(name="nixpkgs", new="b")])

    site.core.changes.proposals._meta = Pinned()  # type: ignore[assignment]
    await site.call(method, inputs=["nixpkgs"])
    site.core.changes.proposals._meta = None
    return Row("update_inputs", "requested", "hive")


async def _cancel_job(site: Hive, method: str) -> Row:
    site.core.systemd.silent = True
    site.core.systemd.on_start = lambda unit: None
    (first,) = (await site.call("RestartAll", reason="A drill.")).jobs
    (second,) = (await site.call("RestartAll", reason="Another one.")).jobs
    assert first.id != second.id
    await site.call(method, id=second.id)
    return Row("cancel_job", "done", "worker")


STEPS: dict[str, Step] = {
    "Send": plain("send", "worker", to="worker", body="hello"),
    "CommandAgent": plain("pause", "worker", name="worker", kind="pause"),
    "ResendDeadLetters": letters("resend"),
    "DropDeadLetters": letters("drop"),
    "AnswerQuestion": _answer,
    "CancelQuestion": about(Hive.question, "cancel_question"),
    "CancelReminder": about(Hive.reminder, "cancel_reminder"),
    "RetryReminder": _retry,
    "Invite": plain("invite", "bob", name="bob", role="viewer"),
    "SetPassword": plain("set_password", "bob", name="bob", new_password="another good one"),
    "CreateToken": plain("create_token", "bob", name="bob"),
    "SetRole": plain("set_role", "bob", name="bob", role="operator"),
    "RemoveOperator": plain("remove_operator", "bob", name="bob"),
    "RevokeSession": _revoke,
    "ChangePassword": plain("set_password", "ann", new_password=PASSWORD),
    "AddAccount": plain("add-account", "more", name="more", kind="api_key", secret=SECRET),
    "BeginLogin": plain("begin-login", "spare", name="spare"),
    "FinishLogin": plain("finish-login", "login_1", login="login_1", code=SECRET),
    "UseAccount": plain("use-account", "worker", agent="worker", account="spare"),
    "RemoveAccount": plain("remove-account", "default", name="default"),
    "SetCaps": plain("set-caps", "hive", scope="hive", caps={"day_usd": 5}),
    "RaiseCap": plain("raise-cap", "hive", scope="hive", usd=1),
    "StopAll": plain("stop-all", "hive", reason="a drill"),
    "ResumeAll": plain("resume-all", "hive"),
    "EditConfig": plain("apply_config", "worker", "requested", name="worker", config="[limits]\nmemory_mib = 900\n"),
    "Deny": about(lambda site: site.proposal(901), "apply_config", "denied", "worker"),
    "CancelApproval": about(lambda site: site.proposal(902), "apply_config", "cancelled", "worker"),
    "Approve": about(lambda site: site.proposal(903), "apply_config", "approved", "worker"),
    "UpdateInputs": _update,
    "Spawn": plain("spawn", "scout", "asked", name="scout"),
    "Destroy": plain("destroy", "scout", "asked", name="scout"),
    "Revive": plain("spawn", "scout", "asked", name="scout"),
    "Purge": plain("destroy", "scout", "asked", name="scout"),
    "Stop": plain("stop", "worker", "asked", name="worker"),
    "Start": plain("start", "worker", "asked", name="worker"),
    "Restart": plain("restart", "worker", "asked", name="worker"),
    "RestartAll": plain("restart", "worker", "asked", reason="A drill."),
    "CancelJob": _cancel_job,
}
"""In an order in which each is possible."""


def test_every_method_is_a_change_that_is_audited_or_only_reads() -> None:
    known = {*methods(Operator), *methods(Session)}
    assert known == READS | set(STEPS) | {"SignIn", "Redeem", "SignOut"}
    assert not READS & set(STEPS)


async def test_every_change_has_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hive(tmp_path, monkeypatch) as site:
        seen = {row.id for row in await site.rows()}
        for method, step in STEPS.items():
            try:
                expected = await step(site, method)
            except HiveError as error:
                raise AssertionError(f"{method}: {error.sentence()}") from error
            new = [row for row in await site.rows() if row.id not in seen]
            seen |= {row.id for row in new}
            found = [row for row in new if (row.action, row.outcome, row.target) == expected and row.via == "web.sock"]
            assert [(row.who, row.details.get("address")) for row in found] == [("ann", ADDRESS)], (method, new)
            if method == "Purge":
                assert found[0].details["purge"] == "yes", "for good, and not only out of the hive"
        content = "".join(row.model_dump_json() for row in await site.rows())
        assert SECRET not in content
        assert PASSWORD not in content


async def test_what_was_refused_or_failed_has_its_row_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hive(tmp_path, monkeypatch) as site:
        web = site.web.proxy(Session)

        async def expect(row: Row, via: str, attempt: Awaitable[object], error: type[HiveError]) -> None:
            before = {row.id for row in await site.rows()}
            with pytest.raises(error):
                await attempt
            told = [r for r in await site.rows() if r.id not in before and (r.action, r.outcome, r.target) == row]
            assert [(r.who, r.via, r.details["address"]) for r in told] == [("ann", via, ADDRESS)], row

        wrong = SignInRequest(name="ann", password="a guess", address=ADDRESS)
        await expect(Row("sign_in", "refused", "ann"), "web.sock", web.sign_in(wrong), NotSignedInError)
        stolen = site.call("Purge", name="worker", password="a guess")
        await expect(Row("confirm", "refused", "ann"), "web.sock", stolen, ForbiddenError)
        site.gateway_fails = True
        for method, action, given in (
            ("AddAccount", "add-account", {"name": "more", "kind": "api_key", "secret": SECRET}),
            ("RemoveAccount", "remove-account", {"name": "spare"}),
            ("BeginLogin", "begin-login", {"name": "spare"}),
        ):
            target = str(given["name"])
            await expect(Row(action, "failed", target), "web.sock", site.call(method, **given), ConflictError)
        unit = next(iter(site.core.systemd.units))
        site.core.systemd.failing.add(unit)
        await site.call("Stop", name="worker")
        before = {row.id for row in await site.rows()}
        with pytest.raises(AgentFailedError):
            await site.call("Start", name="worker")
        outcomes = [row.outcome for row in await site.rows() if row.id not in before and row.who == "ann"]
        assert outcomes == ["failed", "asked"]


async def test_whoever_joins_what_another_asked_for_is_named_and_so_is_whoever_calls_it_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hive(tmp_path, monkeypatch) as site:
        site.core.systemd.silent = True
        site.core.systemd.on_start = lambda unit: None
        async with connect(site.core.run.operator_socket) as shell:
            operator = shell.proxy(Operator)
            drill = RestartAllRequest(reason="A drill.")
            await operator.restart_all(RestartAllRequest(reason="What runs meanwhile."))
            (job,) = (await operator.restart_all(drill)).jobs
            assert (await site.call("RestartAll", reason="A drill.")).jobs[0].id == job.id
            await site.call("CancelJob", id=job.id)
        told = [row for row in await site.rows() if row.details.get("job") == job.id]
        assert [(row.who, row.via, row.action, row.outcome) for row in told[::-1]] == [
            ("root", "operator.sock", "restart", "asked"),
            ("ann", "web.sock", "restart", "asked"),
            ("ann", "web.sock", "cancel_job", "done"),
            ("root", "operator.sock", "restart", "cancelled"),
        ]


async def test_signing_in_and_out_say_from_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hive(tmp_path, monkeypatch) as site, connect(site.core.run.operator_socket) as shell:
        before = {row.id for row in await site.rows()}
        token = (await shell.proxy(Operator).invite(InviteRequest(name="ann"))).token
        web = site.web.proxy(Session)
        redeemed = await web.redeem(RedeemRequest(token=token, address=ADDRESS))
        await web.sign_out(SessionRequest(session=redeemed.session))
        await web.sign_out(SessionRequest(session=await site.signed_in()))
        new = [row for row in await site.rows() if row.id not in before and row.via == "web.sock"]
        said = [(row.who, row.action, row.details["address"], row.details.get("means")) for row in new[::-1]]
        assert said == [
            ("ann", "sign_in", ADDRESS, "invitation"),
            ("ann", "sign_out", ADDRESS, None),
            ("ann", "sign_in", ADDRESS, "password"),
            ("ann", "sign_out", ADDRESS, None),
        ]
