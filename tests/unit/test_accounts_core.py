"""Accounts as core sees them: what operators decide, what agents are told, and errands to the gateway."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from hive_core.accounts.line import GatewayLine, new_errand_id
from hive_core.accounts.metrics import AccountMetrics
from hive_core.accounts.policies import Policies
from hive_core.accounts.standing import Standing
from hive_core.agents.agents import Agents
from hive_core.agents.config import parse
from hive_core.agents.models import Agent, Desired
from hive_core.api.account_verbs import OperatorAccounts, Treasury
from hive_core.operators.audit import Actor, Audit
from hive_core.store import Database
from hive_rpc.accounts import Account, AccountKind, Caps, Hold, HoldKind, LimitWindow, Scope
from hive_rpc.codec import decode_reply, encode_reply
from hive_rpc.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from hive_rpc.interfaces.agent import Command, CommandKind
from hive_rpc.interfaces.gateway import (
    Errand,
    ErrandError,
    ErrandKind,
    FinishErrandRequest,
    ReportAccountsRequest,
    Trial,
)
from hive_rpc.interfaces.operator.accounts import AccountRequest, AddAccountRequest, UseAccountRequest
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.interfaces.operator.spending import RaiseCapRequest, SetCapsRequest, StopAllRequest
from hive_rpc.types import MAX_FRAME, AgentState, Turn
from tests.support.manual_clock import ManualClock

START = datetime(2026, 5, 1, 22, 0, tzinfo=UTC)
ADA = Actor("ada", "operator.sock")
SECRET = "sk-ant-api03-a-secret"


def agent(name: str, config: str = "") -> Agent:
    return Agent(
        name=name,
        machine=f"h-{name}",
        config_text=config,
        config=parse(config),
        desired=Desired.RUNNING,
        created_at=START,
        state=AgentState.IDLE,
        since=START,
    )


class Hive:
    """Core's part of it, with the agents that a test puts in and the commands that they are sent."""

    def __init__(self, database: Database) -> None:
        self.clock = ManualClock(START)
        self.agents = {a.name: a for a in (agent("ann"), agent("bob", 'account = "night"\n[caps]\nday_usd = 3\n'))}
        self.commands: list[tuple[str, Command]] = []
        self.line = GatewayLine()
        self.audit = Audit(database)
        self.policies = Policies(database, self.clock, lambda: self.standing.refresh())
        agents = cast(Agents, self)
        self.standing = Standing(
            self.line,
            self.policies,
            agents,
            lambda name, command: self.commands.append((name, command)),
            lambda name: f"/{name}",
            settings=lambda agent: agent.config.settings(),
        )
        self.line.reported = self.standing.refresh
        treasury = Treasury(self.line, self.policies, self.standing, agents, self.audit, self.clock)
        self.verbs = OperatorAccounts(treasury, ADA)  # type: ignore[abstract]

    def all(self) -> list[Agent]:
        return list(self.agents.values())

    def get(self, name: str) -> Agent:
        try:
            return self.agents[name]
        except KeyError:
            raise NotFoundError(name) from None

    def gateway_says(self, *holds: Hold, kind: AccountKind = AccountKind.API_KEY) -> None:
        accounts = [Account(name="default", kind=AccountKind.STAND_IN), Account(name="night", kind=kind)]
        self.line.report_accounts(ReportAccountsRequest(accounts=accounts, holds=list(holds)))

    async def rows(self) -> list[tuple[str, str, str]]:
        page = await self.audit.page()
        return [(row.action, row.target, row.outcome) for row in reversed(page.rows)]


@pytest.fixture
async def hive(tmp_path: Path) -> AsyncIterator[Hive]:
    async with Database(tmp_path / "core.sqlite", "core") as database:
        yield Hive(database)


@contextlib.asynccontextmanager
async def gateway(hive: Hive, **reply: Any) -> AsyncIterator[list[Errand]]:
    """A gateway that answers every errand in the same way."""
    seen: list[Errand] = []

    async def run() -> None:
        async for errand in hive.line.errands():
            seen.append(errand)
            hive.line.finish(FinishErrandRequest(id=errand.id, **reply))

    running = asyncio.create_task(run())
    await asyncio.sleep(0)
    try:
        yield seen
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def limit(name: str, hours: float = 1, kind: HoldKind = HoldKind.LIMIT, scope: Scope = Scope.ACCOUNT) -> Hold:
    return Hold(kind=kind, scope=scope, name=name, reason=f"{kind} of {name}", until=START + timedelta(hours=hours))


async def test_a_hold_of_an_account_is_told_to_every_agent_that_uses_it_and_when_it_ends(hive: Hive) -> None:
    for name in hive.agents:
        # Also that nothing holds it: before a restart of core it may have heard otherwise.
        assert [(c.kind, c.hold) for c in hive.standing.commands(name)] == [
            (CommandKind.SETTINGS, None),
            (CommandKind.HOLD, None),
        ]
    hive.gateway_says()
    hive.commands.clear()

    hive.gateway_says(limit("night"))
    hive.gateway_says(limit("night"))
    hive.gateway_says()

    assert [(name, c.kind, c.hold and c.hold.until) for name, c in hive.commands] == [
        ("bob", CommandKind.HOLD, START + timedelta(hours=1)),
        ("bob", CommandKind.HOLD, None),
    ]


async def test_an_agent_that_connects_later_is_told_what_holds_it(hive: Hive) -> None:
    hive.gateway_says(limit("night"), limit("ann", kind=HoldKind.CAP, scope=Scope.AGENT))
    assert [c.hold and c.hold.kind for c in hive.standing.commands("ann")] == [None, HoldKind.CAP]
    assert [c.hold and c.hold.kind for c in hive.standing.commands("bob")] == [None, HoldKind.LIMIT]


async def test_of_several_holds_the_gravest_is_told(hive: Hive) -> None:
    caps = [limit("bob", kind=HoldKind.CAP, scope=Scope.AGENT), limit("", 5, kind=HoldKind.CAP, scope=Scope.HIVE)]
    hive.gateway_says(*caps)
    assert hive.standing.hold(hive.agents["bob"]) == caps[1]
    hive.gateway_says(*caps, limit("night"), limit("night", kind=HoldKind.LOGIN))
    assert (hold := hive.standing.hold(hive.agents["bob"])) is not None
    assert hold.kind is HoldKind.LOGIN
    await hive.policies.stop(ADA, "lunch")
    assert (hold := hive.standing.hold(hive.agents["bob"])) is not None
    assert (hold.kind, hold.until) == (HoldKind.STOPPED, None)
    assert "ada" in hold.reason
    assert "lunch" in hold.reason


async def test_waking_an_agent_lets_it_past_its_account_s_hold_and_past_no_operator_s(hive: Hive) -> None:
    bob = hive.agents["bob"]
    assert await hive.standing.let_try(bob) is None
    hive.gateway_says(limit("night"))
    with pytest.raises(UnavailableError):
        await hive.standing.let_try(bob)
    async with gateway(hive) as seen:
        for kind in (HoldKind.LIMIT, HoldKind.LOGIN):
            hive.gateway_says(limit("night", kind=kind))
            assert await hive.standing.let_try(bob) == "night"
        assert await hive.standing.let_try(hive.agents["ann"]) is None
        assert [errand.try_account for errand in seen] == [Trial(account="night", agent="bob")] * 2

        hive.gateway_says(limit("bob", kind=HoldKind.CAP, scope=Scope.AGENT))
        with pytest.raises(ConflictError, match="cap of bob") as refused:
            await hive.standing.let_try(bob)
        assert "caps raise" in refused.value.hint
        await hive.policies.stop(ADA, "lunch")
        with pytest.raises(ConflictError, match="lunch"):
            await hive.standing.let_try(hive.agents["ann"])
        assert len(seen) == 2


async def test_a_change_of_account_reaches_the_harness_and_the_gateway(hive: Hive) -> None:
    hive.gateway_says(kind=AccountKind.SETUP_TOKEN)
    assert hive.standing.commands("ann")[0].settings is not None
    await hive.verbs.use_account(UseAccountRequest(agent="ann", account="night"))

    [(name, command)] = hive.commands
    assert (name, command.settings and command.settings.subscription) == ("ann", True)
    assert {a.name: a.account for a in hive.standing.for_gateway().agents} == {"ann": "night", "bob": "night"}
    with pytest.raises(NotFoundError):
        await hive.verbs.use_account(UseAccountRequest(agent="ann", account="none"))
    await hive.verbs.use_account(UseAccountRequest(agent="ann"))
    assert hive.standing.for_gateway().agents[0].account == "default"
    assert await hive.rows() == [("use-account", "ann", "done")] * 2


async def test_a_secret_passes_through_and_stays_nowhere(hive: Hive, tmp_path: Path) -> None:
    async with gateway(hive) as seen:
        await hive.verbs.add_account(AddAccountRequest(name="night", kind=AccountKind.API_KEY, secret=SECRET))
    assert [errand.add_account and errand.add_account.secret for errand in seen] == [SECRET]
    refusal = ErrandError(name="org.hive.Invalid", message="That is not a key.", hint="Give another.")
    async with gateway(hive, error=refusal):
        with pytest.raises(InvalidError, match="not a key"):
            await hive.verbs.add_account(AddAccountRequest(name="night", kind=AccountKind.API_KEY, secret=SECRET))

    assert await hive.rows() == [("add-account", "night", "done"), ("add-account", "night", "failed")]
    assert not any(SECRET.encode() in path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET not in repr(seen)


async def test_an_account_that_is_used_stays(hive: Hive) -> None:
    with pytest.raises(ConflictError, match="bob"):
        await hive.verbs.remove_account(AccountRequest(name="night"))


async def test_without_a_gateway_one_is_told_so(hive: Hive) -> None:
    with pytest.raises(UnavailableError, match="not connected"):
        await hive.verbs.spending(OperatorRequest())
    asked = asyncio.create_task(hive.line.run(Errand(id=new_errand_id(), kind=ErrandKind.SPENDING)))
    stream = hive.line.errands()
    waiting = asyncio.create_task(anext(aiter(stream)))
    with pytest.raises(UnavailableError):
        await asked
    # Lost on the way: whoever waits hears of it.
    asked = asyncio.create_task(hive.line.run(Errand(id=new_errand_id(), kind=ErrandKind.SPENDING)))
    await waiting
    await stream.aclose()  # type: ignore[attr-defined]
    with pytest.raises(UnavailableError, match="lost"):
        await asked


async def test_caps_and_raises_are_kept_and_noted_and_raises_end_with_the_day(hive: Hive, tmp_path: Path) -> None:
    hive.gateway_says()
    await hive.verbs.set_caps(SetCapsRequest(scope=Scope.HIVE, caps=Caps(day_usd=20)))
    await hive.verbs.raise_cap(RaiseCapRequest(scope=Scope.AGENT, name="bob", usd=5))
    for wrong in (
        SetCapsRequest(scope=Scope.AGENT, name="bob", caps=Caps(day_usd=1)),
        SetCapsRequest(scope=Scope.HIVE, caps=Caps(turn_usd=1)),
    ):
        with pytest.raises(InvalidError):
            await hive.verbs.set_caps(wrong)
    with pytest.raises(NotFoundError):
        await hive.verbs.raise_cap(RaiseCapRequest(scope=Scope.AGENT, name="ann", usd=5))
    with pytest.raises(InvalidError):
        await hive.verbs.raise_cap(RaiseCapRequest(scope=Scope.AGENT, name="bob"))

    told = hive.standing.for_gateway()
    assert [(c.scope, c.caps.day_usd) for c in told.caps] == [(Scope.HIVE, 20)]
    assert [(r.name, r.usd, r.until) for r in told.raises] == [("bob", 5, datetime(2026, 5, 2, tzinfo=UTC))]
    assert told.agents[1].caps.day_usd == 3
    async with gateway(hive):
        reply = await hive.verbs.spending(OperatorRequest())
        assert {(c.scope, c.name) for c in reply.caps} == {(Scope.HIVE, ""), (Scope.AGENT, "bob")}
        await hive.clock.advance(2 * 3600)
        assert (await hive.verbs.spending(OperatorRequest())).raises == []
    await hive.policies.load()
    assert hive.standing.for_gateway().raises == []
    assert await hive.rows() == [("set-caps", "hive", "done"), ("raise-cap", "bob", "done")]


async def test_the_big_switch_survives_and_is_undone(hive: Hive) -> None:
    hive.standing.commands("ann")
    await hive.verbs.stop_all(StopAllRequest())
    await hive.policies.load()
    assert (stopped := hive.standing.for_gateway().stopped) is not None
    assert "ada" in stopped
    await hive.verbs.resume_all(OperatorRequest())
    assert hive.standing.for_gateway().stopped is None
    assert [(name, c.hold is not None) for name, c in hive.commands] == [("ann", True), ("ann", False)]
    assert await hive.rows() == [("stop-all", "hive", "done"), ("resume-all", "hive", "done")]


async def test_the_gateway_hears_of_the_turn_that_an_agent_is_in(hive: Hive) -> None:
    for name, minutes in (("turn_1", 0), ("turn_2", 5), ("turn_1", 0)):
        hive.standing.turn_started("ann", Turn(id=name, started_at=START + timedelta(minutes=minutes)))
    [mark] = [a.turn for a in hive.standing.for_gateway().agents if a.turn is not None]
    assert mark.id == "turn_2"


async def test_a_turn_s_name_of_any_length_keeps_no_decision_from_the_gateway(hive: Hive) -> None:
    hive.standing.turn_started("ann", Turn(id="t" * MAX_FRAME, started_at=START))
    await hive.verbs.stop_all(StopAllRequest())
    reply = decode_reply(encode_reply(hive.standing.for_gateway(), continues=True)[:-1])
    assert "stopped" in reply.parameters


async def test_an_agent_that_is_gone_is_forgotten(hive: Hive) -> None:
    hive.standing.commands("ann")
    hive.agents["ann"] = replace(hive.agents["ann"], config=parse('model = "opus"'))
    hive.standing.refresh()
    assert [c.settings and c.settings.model for _, c in hive.commands] == ["opus"]
    del hive.agents["ann"]
    hive.commands.clear()
    hive.gateway_says(limit("default"))
    assert hive.commands == []


def test_limits_and_holds_are_in_the_metrics() -> None:
    line = GatewayLine()
    window = LimitWindow(name="five_hour", utilization=0.25, resets_at=START)
    account = Account(name="team", kind=AccountKind.SETUP_TOKEN, limits=[window])
    line.report_accounts(ReportAccountsRequest(accounts=[account], holds=[limit("team")]))
    registry = CollectorRegistry()
    registry.register(AccountMetrics(line))
    text = generate_latest(registry).decode()

    assert 'hive_account_limit_used{account="team",limit="five_hour"} 0.25' in text
    assert 'hive_holds{kind="limit",name="team",scope="account"} 1.0' in text
    assert "hive_gateway_connected 0.0" in text
