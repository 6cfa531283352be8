"""`org.hive.Operator` as core answers it, for a caller who has been admitted (see `authority`)."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from hive_base.clock import Clock
from hive_core.agents.agents import Agents
from hive_core.api.account_verbs import OperatorAccounts, Treasury
from hive_core.api.change_verbs import OperatorChanges
from hive_core.api.command_verbs import OperatorCommands
from hive_core.api.dialogue import Dialogue, OperatorDialogue
from hive_core.api.overview import Overview
from hive_core.broker import Broker
from hive_core.commands import Commands
from hive_core.config import CoreConfig
from hive_core.deploys.changes import Changes
from hive_core.doctor.doctor import Doctor
from hive_core.events.events import Events
from hive_core.events.hub import Hub
from hive_core.events.stats import Stats
from hive_core.files import Files
from hive_core.logs.journal import Journal
from hive_core.looks import NOTHING, Looks
from hive_core.metrics import Metrics
from hive_core.operators.audit import Actor, Audit
from hive_core.operators.operators import Operators
from hive_core.operators.sessions import Sessions
from hive_rpc.interfaces.operator.events import (
    EventsReply,
    EventsRequest,
    TodayReply,
    TurnStatsReply,
    TurnStatsRequest,
    WatchReply,
    WatchRequest,
)
from hive_rpc.interfaces.operator.files import (
    ListAgentFilesReply,
    ListAgentFilesRequest,
    LogsRequest,
    ReadAgentFileReply,
    ReadAgentFileRequest,
    ReadLogReply,
    ReadLogRequest,
)
from hive_rpc.interfaces.operator.hive import DoctorReply, MetricsReply, StatusReply
from hive_rpc.interfaces.operator.look import LookReply, LookRequest
from hive_rpc.interfaces.operator.messages import (
    AwaitReplyReply,
    AwaitReplyRequest,
    OperatorSendReply,
    OperatorSendRequest,
)
from hive_rpc.interfaces.operator.people import (
    AuditReply,
    AuditRequest,
    ChangePasswordRequest,
    InviteReply,
    InviteRequest,
    OperatorNameRequest,
    OperatorsReply,
    SessionsReply,
    SetPasswordRequest,
    SetRoleRequest,
    TokenReply,
    TokenRequest,
)
from hive_rpc.interfaces.operator.request import IdRequest, OperatorRequest
from hive_rpc.logs import LogLine
from hive_rpc.types import OPERATOR, Empty, Role


@dataclass(frozen=True)
class Parts:
    """What the verbs work with."""

    config: CoreConfig
    clock: Clock
    agents: Agents
    broker: Broker
    dialogue: Dialogue
    treasury: Treasury
    events: Events
    hub: Hub
    operators: Operators
    audit: Audit
    journal: Journal
    overview: Overview
    looks: Looks
    doctor: Doctor
    metrics: Metrics
    sessions: Sessions
    files: Files
    stats: Stats
    commands: Commands
    changes: Changes


class OperatorVerbs(OperatorDialogue, OperatorAccounts, OperatorCommands, OperatorChanges):
    """One for each call."""

    def __init__(self, parts: Parts, actor: Actor) -> None:
        OperatorDialogue.__init__(self, parts.dialogue, actor)
        OperatorAccounts.__init__(self, parts.treasury, actor)
        OperatorCommands.__init__(self, parts.commands, actor)
        OperatorChanges.__init__(self, parts.changes, actor)
        self._parts = parts

    async def status(self, request: OperatorRequest) -> StatusReply:
        return await self._parts.overview.status()

    async def look(self, request: LookRequest) -> LookReply:
        looks = self._parts.looks
        # Read first: what changes in between is then asked for once too often rather than missed.
        versions = looks.versions
        if request.hive:
            news, version, complete = await looks.since(request.known)
        else:
            news, version, complete = NOTHING, request.known, False
        # Before the history, which then has everything up to it: another look may move it on meanwhile.
        cursor = looks.cursor
        history, events = await self._parts.events.since(request.history) if request.history else ("", None)
        return LookReply(
            name=self._actor.name,
            role=self._actor.role or Role.ADMIN,
            version=version,
            complete=complete,
            more=news.more,
            cursor=cursor,
            versions=versions,
            items=list(news.items),
            keys=list(news.keys),
            history=history,
            events=events,
        )

    async def send(self, request: OperatorSendRequest) -> OperatorSendReply:
        message = await self._parts.broker.send(
            OPERATOR,
            request.to,
            request.body,
            key=request.key,
            in_reply_to=request.in_reply_to,
            actor=self._actor,
        )
        return OperatorSendReply(id=message)

    async def await_reply(self, request: AwaitReplyRequest) -> AwaitReplyReply:
        return AwaitReplyReply(reply=await self._parts.broker.await_reply(request.id, request.wait_seconds))

    async def events(self, request: EventsRequest) -> EventsReply:
        self._parts.agents.get(request.agent)
        return await self._parts.events.page(
            request.agent, before=request.before, after=request.after, limit=request.limit
        )

    async def watch(self, request: WatchRequest) -> AsyncIterator[WatchReply]:
        async for reply in self._parts.hub.watch(agent=request.agent, after=request.after, deltas=request.deltas):
            yield reply

    async def logs(self, request: LogsRequest) -> AsyncIterator[LogLine]:
        machine = self._parts.agents.get(request.name).machine
        if not request.follow:
            for line in await self._parts.journal.tail(machine, request.lines):
                yield line
            return
        async with aclosing(self._parts.journal.follow(machine, request.lines)) as lines:
            async for line in lines:
                yield line

    async def doctor(self, request: OperatorRequest) -> DoctorReply:
        return DoctorReply(checks=await self._parts.doctor.examine())

    async def metrics(self, request: OperatorRequest) -> MetricsReply:
        return MetricsReply(text=await self._parts.metrics.text())

    async def invite(self, request: InviteRequest) -> InviteReply:
        invite = await self._parts.operators.invite(self._actor, request.name, request.role)
        dashboard = self._parts.config.dashboard
        url = f"{dashboard}/sign-in/{invite.token}" if dashboard else None
        return InviteReply(token=invite.token, url=url, expires_at=invite.expires_at, role=invite.role)

    async def set_password(self, request: SetPasswordRequest) -> Empty:
        await self._parts.operators.set_password(self._actor, request.name, request.new_password)
        return Empty()

    async def operators(self, request: OperatorRequest) -> OperatorsReply:
        return OperatorsReply(operators=await self._parts.operators.accounts())

    async def create_token(self, request: TokenRequest) -> TokenReply:
        lifetime = timedelta(days=request.days)
        token, expires_at = await self._parts.sessions.token(self._actor, request.name, lifetime)
        return TokenReply(token=token, expires_at=expires_at)

    async def set_role(self, request: SetRoleRequest) -> Empty:
        await self._parts.operators.set_role(self._actor, request.name, request.role)
        return Empty()

    async def remove_operator(self, request: OperatorNameRequest) -> Empty:
        await self._parts.operators.remove(self._actor, request.name)
        return Empty()

    async def change_password(self, request: ChangePasswordRequest) -> Empty:
        await self._parts.operators.set_password(self._actor, self._actor.name, request.new_password)
        return Empty()

    async def sessions(self, request: OperatorRequest) -> SessionsReply:
        return SessionsReply(sessions=await self._parts.sessions.signed_in(self._actor))

    async def revoke_session(self, request: IdRequest) -> Empty:
        await self._parts.sessions.revoke(self._actor, request.id)
        return Empty()

    async def list_agent_files(self, request: ListAgentFilesRequest) -> ListAgentFilesReply:
        self._parts.agents.get(request.agent)
        return await self._parts.files.page(request.agent, request.path, after=request.after, limit=request.limit)

    async def read_agent_file(self, request: ReadAgentFileRequest) -> ReadAgentFileReply:
        self._parts.agents.get(request.agent)
        return await self._parts.files.read(request.agent, request.path, offset=request.offset, limit=request.limit)

    async def read_log(self, request: ReadLogRequest) -> ReadLogReply:
        machine = self._parts.agents.get(request.agent).machine
        lines, cursor = await self._parts.journal.page(machine, request.lines, request.cursor)
        return ReadLogReply(lines=lines, cursor=cursor)

    async def stats(self, request: TurnStatsRequest) -> TurnStatsReply:
        if request.agent is not None:
            await self._parts.agents.check_known(request.agent)
        return await self._parts.stats.turns(request)

    async def today(self, request: OperatorRequest) -> TodayReply:
        return await self._parts.stats.today([agent.name for agent in self._parts.agents.all()])

    async def audit(self, request: AuditRequest) -> AuditReply:
        return await self._parts.audit.page(before=request.before, limit=request.limit)
