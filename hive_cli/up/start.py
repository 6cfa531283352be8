"""Bringing a hive up, from nothing or from whatever an earlier start left, until all of it is well."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr

from hive_cli.up.errors import CannotError
from hive_cli.up.found import found, settled
from hive_cli.up.health import Watcher, dashboard_answers, operator, status
from hive_cli.up.launch import launch
from hive_cli.up.lock import HostLock
from hive_cli.up.preflight import check, check_root
from hive_cli.up.protocol import LaunchRequest
from hive_cli.up.state import State
from hive_cli.up.stop import stop
from hive_rpc.errors import HiveError
from hive_rpc.interfaces.operator.hive import AgentStatus, StatusReply
from hive_rpc.interfaces.operator.people import InviteRequest
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import Model, Role, Time

CORE_LIMIT = 30.0
SERVICES_LIMIT = 30.0
ADMIN = "admin"
"""The account that the printed link signs in."""
_POLL = 0.1

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Start:
    """What the operator asked for."""

    state: State
    port: int
    api_key: SecretStr | None = None
    model_base_url: str | None = None


class Up(Model):
    """A hive that runs."""

    state: str
    started: bool
    """By this command; false when it ran already."""
    dashboard: str | None
    sign_in: str | None
    """A link that signs in once."""
    sign_in_until: Time
    model_backend: str
    stand_in: bool
    agents: list[AgentStatus]


async def up(start: Start, say: Progress) -> Up:
    """Raises CannotError, after everything that it started is stopped again."""
    check_root(os.geteuid())
    since = datetime.now(UTC)
    started = await _boot(start, say)
    try:
        return await _finish(start.state, Watcher(start.state, since), say, started=started)
    except BaseException as error:
        if started:
            say("stopping what was started")
            await stop(start.state)
        if isinstance(error, HiveError):
            raise CannotError(error.message, hint=error.hint) from error
        raise


async def _boot(start: Start, say: Progress) -> bool:
    """A hive host that runs; True when it was booted here."""
    while not await _runs_already(start.state, say):
        await asyncio.to_thread(check, start.state, start.port)
        say("booting the hive host")
        request = LaunchRequest(
            state=start.state.root,
            port=start.port,
            api_key=start.api_key,
            model_base_url=start.model_base_url,
        )
        if await launch(request):
            return True
    return False


async def _runs_already(state: State, say: Progress) -> bool:
    """Whether somebody else's hive answers; one that is being started or stopped is waited for."""
    lock = HostLock(state.lock)
    holder = lock.holder()
    waited = 0.0
    while holder is not None:
        if await status(state) is not None:
            return True
        if waited == 0:
            say(f"process {holder} is starting or stopping this hive; waiting for it")
        if waited > CORE_LIMIT:
            raise CannotError(
                f"The hive in {state.root} runs (process {holder}), but its core does not answer.",
                hint="Stop it with `hive down`, then start it again.",
                log=state.log_tail(),
            )
        await asyncio.sleep(_POLL)
        waited += _POLL
        holder = lock.holder()
    return False


async def _finish(state: State, watcher: Watcher, say: Progress, *, started: bool) -> Up:
    say("waiting for hive-core")
    await watcher.until(
        lambda: status(state), time_limit=CORE_LIMIT, failing="hive-core did not answer", unit="hive-core.service"
    )
    say("waiting for the gateway and the dashboard")
    await watcher.until(
        lambda: _with_gateway(state),
        time_limit=SERVICES_LIMIT,
        failing="hive-gateway did not connect to core",
        unit="hive-gateway.service",
    )
    record = state.read_record()
    if record is None:
        raise CannotError("The hive host ended by itself.", log=state.log_tail())
    await watcher.until(
        lambda: dashboard_answers(record.port),
        time_limit=SERVICES_LIMIT,
        failing="The dashboard did not answer",
        unit="hive-web.service",
    )
    if not state.founded.exists():
        say("making the first agents, manager and worker, and waiting for their first turns")
        await found(state, watcher)
    agents = await settled(state, watcher)
    async with operator(state) as core:
        hive = (await core.status(OperatorRequest())).hive
        invitation = await core.invite(InviteRequest(name=ADMIN, role=Role.ADMIN))
    return Up(
        state=str(state.root),
        started=started,
        dashboard=hive.dashboard,
        sign_in=invitation.url,
        sign_in_until=invitation.expires_at,
        model_backend=hive.model_backend,
        stand_in=hive.stand_in,
        agents=list(agents),
    )


async def _with_gateway(state: State) -> StatusReply | None:
    reply = await status(state)
    return reply if reply is not None and reply.hive.gateway else None
