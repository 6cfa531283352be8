"""Accounts, spending and the way out, as operators ask for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hive_base.clock import Clock
from hive_core.accounts.line import GatewayLine, new_errand_id
from hive_core.accounts.policies import Policies
from hive_core.accounts.standing import Standing
from hive_core.agents.agents import Agents
from hive_core.operators.audit import Actor, Audit
from hive_rpc.accounts import Scope
from hive_rpc.errors import ConflictError, HiveError, InvalidError, NotFoundError
from hive_rpc.interfaces.gateway import EgressQuery, Errand, ErrandKind, LoginCode, NewAccount
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.accounts import (
    AccountRequest,
    AccountsReply,
    AccountStatus,
    AddAccountRequest,
    FinishLoginRequest,
    LoginReply,
    UseAccountRequest,
)
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.interfaces.operator.spending import (
    EgressLogReply,
    EgressLogRequest,
    RaiseCapRequest,
    SetCapsRequest,
    SpendingReply,
    StopAllRequest,
)
from hive_rpc.types import Empty, Object


@dataclass(frozen=True)
class Treasury:
    """What these verbs work with."""

    line: GatewayLine
    policies: Policies
    standing: Standing
    agents: Agents
    audit: Audit
    clock: Clock


class OperatorAccounts(Operator):
    """What an operator's session does with accounts. A secret is passed on and forgotten; no audit row has it."""

    def __init__(self, treasury: Treasury, actor: Actor) -> None:
        self._treasury = treasury
        self._actor = actor

    async def accounts(self, request: OperatorRequest) -> AccountsReply:
        standing = self._treasury.standing
        return AccountsReply(
            accounts=[
                AccountStatus(account=account, agents=standing.users(account.name))
                for account in self._treasury.line.accounts
            ]
        )

    async def add_account(self, request: AddAccountRequest) -> Empty:
        new = NewAccount(name=request.name, kind=request.kind, secret=request.secret, base_url=request.base_url)
        details: Object = {"kind": request.kind.value, "base_url": request.base_url}
        async with self._noted("add-account", request.name, details):
            await self._treasury.line.run(_errand(ErrandKind.ADD_ACCOUNT, add_account=new))
        return Empty()

    async def remove_account(self, request: AccountRequest) -> Empty:
        if users := self._treasury.standing.users(request.name):
            raise ConflictError(
                f"The account {request.name} is used by {', '.join(users)}.",
                hint="Give them another one first: `hive account use AGENT NAME`.",
            )
        async with self._noted("remove-account", request.name, {}):
            await self._treasury.line.run(_errand(ErrandKind.REMOVE_ACCOUNT, remove_account=request.name))
        return Empty()

    async def use_account(self, request: UseAccountRequest) -> Empty:
        self._treasury.agents.get(request.agent)
        if request.account is not None:
            self._check_account(request.account)
        await self._treasury.policies.use(self._actor, request.agent, request.account)
        return Empty()

    async def begin_login(self, request: AccountRequest) -> LoginReply:
        async with self._noted("begin-login", request.name, {}):
            done = await self._treasury.line.run(_errand(ErrandKind.BEGIN_LOGIN, begin_login=request.name))
        if done.login is None:
            raise HiveError("The gateway began no login.")
        return LoginReply(login=done.login)

    async def finish_login(self, request: FinishLoginRequest) -> Empty:
        code = LoginCode(login=request.login, code=request.code)
        async with self._noted("finish-login", request.login, {}):
            await self._treasury.line.run(_errand(ErrandKind.FINISH_LOGIN, finish_login=code))
        return Empty()

    async def spending(self, request: OperatorRequest) -> SpendingReply:
        done = await self._treasury.line.run(_errand(ErrandKind.SPENDING))
        decided, now = self._treasury.policies.now, self._treasury.clock.now()
        return SpendingReply(
            spending=done.spending,
            caps=self._treasury.standing.caps(),
            raises=[more for more in decided.raises if more.until > now],
            holds=list(self._treasury.line.holds),
            stopped=decided.stopped,
        )

    async def set_caps(self, request: SetCapsRequest) -> Empty:
        match request.scope:
            case Scope.AGENT:
                raise InvalidError("An agent's caps are in its agent.toml.", field="scope", hint="Change them there.")
            case Scope.ACCOUNT:
                self._check_account(request.name)
        if request.scope is Scope.HIVE and request.name:
            raise InvalidError("The hive's caps have no name.", field="name")
        if request.caps.turn_usd is not None or request.caps.turn_tokens is not None:
            raise InvalidError("Only agents have turns.", field="caps", hint="Put it into the agent's agent.toml.")
        await self._treasury.policies.set_caps(self._actor, request.scope, request.name, request.caps)
        return Empty()

    async def raise_cap(self, request: RaiseCapRequest) -> Empty:
        if not (request.usd or request.tokens):
            raise InvalidError("By how much is the cap to be raised?", hint="Give an amount of dollars or of tokens.")
        if not any((c.scope, c.name) == (request.scope, request.name) for c in self._treasury.standing.caps()):
            raise NotFoundError(
                f"There is no cap of {request.name or 'the hive'}.", hint="`hive spending` shows those there are."
            )
        await self._treasury.policies.raise_cap(
            self._actor, request.scope, request.name, usd=request.usd, tokens=request.tokens
        )
        return Empty()

    async def stop_all(self, request: StopAllRequest) -> Empty:
        await self._treasury.policies.stop(self._actor, request.reason)
        return Empty()

    async def resume_all(self, request: OperatorRequest) -> Empty:
        await self._treasury.policies.resume(self._actor)
        return Empty()

    async def egress_log(self, request: EgressLogRequest) -> EgressLogReply:
        query = EgressQuery(agent=request.agent, before=request.before, limit=request.limit)
        done = await self._treasury.line.run(_errand(ErrandKind.EGRESS_LOG, egress_log=query))
        return EgressLogReply(entries=done.egress_log)

    def _check_account(self, name: str) -> None:
        if not any(account.name == name for account in self._treasury.line.accounts):
            raise NotFoundError(f"There is no account {name}.", hint="`hive account list` shows those there are.")

    @asynccontextmanager
    async def _noted(self, action: str, target: str, details: Object) -> AsyncIterator[None]:
        """An audit row for what the gateway does, and how it ended."""
        try:
            yield
        except HiveError as error:
            await self._note(action, target, "failed", {**details, "error": error.message})
            raise
        await self._note(action, target, "done", details)

    async def _note(self, action: str, target: str, outcome: str, details: Object) -> None:
        now = self._treasury.clock.now()
        await self._treasury.audit.note(now, self._actor, action, target, outcome=outcome, details=details)


def _errand(
    kind: ErrandKind,
    *,
    add_account: NewAccount | None = None,
    remove_account: str | None = None,
    begin_login: str | None = None,
    finish_login: LoginCode | None = None,
    egress_log: EgressQuery | None = None,
) -> Errand:
    return Errand(
        id=new_errand_id(),
        kind=kind,
        add_account=add_account,
        remove_account=remove_account,
        begin_login=begin_login,
        finish_login=finish_login,
        egress_log=egress_log,
    )
