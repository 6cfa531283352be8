"""The proxy behind every agent's `egress.sock`: decides, connects, counts, and writes each connection down."""

import asyncio
import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from hive_base.clock import Clock
from hive_gateway.book import Book
from hive_gateway.config import EgressConfig
from hive_gateway.egress import request, tunnel
from hive_gateway.egress.dialer import Dialer, FailedError, RefusedError
from hive_gateway.egress.request import BadRequestError, Wanted
from hive_gateway.egress.tunnel import Counts, OverLimitError, SilentError, Stream
from hive_gateway.egress.volume import Volume
from hive_rpc.accounts import EgressEntry, Verdict
from hive_rpc.egress import Address, Rule, parse_rule
from hive_rpc.interfaces.gateway import AgentsReply
from hive_rpc.sockets import closing

HEAD_SECONDS = 30.0
"""How long a client may take to say what it wants."""
LOGGED_A_MINUTE = 120
"""Entries of one agent: what is refused costs nothing to try, and must not wash the others' entries away."""

DIALLED_AT_ONCE = 8
"""Connections of one agent that are being made: a name server that does not answer must not keep all others waiting."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Visit:
    """One connection of an agent's, from what it wants to how it ended."""

    agent: str
    wanted: Wanted
    counts: Counts = field(default_factory=Counts)
    verdict: Verdict = Verdict.REFUSED
    detail: str = ""
    address: Address | None = None
    task: "asyncio.Task[None] | None" = None
    """Set while it is relayed."""


class EgressGate:
    """One for all agents; `handle` is run for each connection."""

    def __init__(self, book: Book, volume: Volume, dialer: Dialer, config: EgressConfig, clock: Clock) -> None:
        self._book = book
        self._volume = volume
        self._dialer = dialer
        self._config = config
        self._clock = clock
        self._rules: Mapping[str, Sequence[Rule]] = {}
        self._stopped: str | None = None
        self._open: set[_Visit] = set()
        self._dialling: dict[str, asyncio.Semaphore] = defaultdict(partial(asyncio.Semaphore, DIALLED_AT_ONCE))
        self._logged: Counter[tuple[str, object]] = Counter()
        """Entries by agent and minute."""

    def follow(self, reply: AgentsReply) -> None:
        """Core says what is allowed; a connection that no longer is, is cut off."""
        self._rules = {agent.name: _readable(agent.name, agent.egress) for agent in reply.agents}
        self._stopped = reply.stopped
        for visit in self._open:
            try:
                self._check(visit.agent, visit.wanted)
            except RefusedError:
                visit.detail = "it was cut off: it is no longer allowed"
                if visit.task is not None:
                    visit.task.cancel()

    async def handle(self, agent: str, client: Stream) -> None:
        """Serve one connection of an agent's to its end, which this closes."""
        began, now = self._clock.monotonic(), self._clock.now()
        async with closing(client[1]):
            wanted = await _wanted(client)
            if wanted is None:
                return
            visit = _Visit(agent, wanted)
            try:
                await self._serve(visit, client)
            finally:
                self._note(visit, now, self._clock.monotonic() - began)

    async def _serve(self, visit: _Visit, client: Stream) -> None:
        try:
            self._check(visit.agent, visit.wanted)
            visit.verdict = Verdict.FAILED
            async with self._dialling[visit.agent]:
                server, visit.address = await self._dialer.dial(visit.wanted.host, visit.wanted.port)
        except (RefusedError, FailedError) as error:
            visit.verdict = Verdict.REFUSED if isinstance(error, RefusedError) else Verdict.FAILED
            visit.detail = str(error)
            await _answer(client[1], 403 if visit.verdict is Verdict.REFUSED else 502, visit.detail)
            return
        visit.task = asyncio.current_task()
        self._open.add(visit)
        try:
            async with closing(server[1]):
                # While it was dialled it may have become another's decision.
                self._check(visit.agent, visit.wanted)
                visit.verdict = Verdict.ALLOWED
                await self._relay(visit, client, server)
        except RefusedError as error:
            visit.verdict, visit.detail = Verdict.REFUSED, str(error)
            await _answer(client[1], 403, visit.detail)
        finally:
            self._open.discard(visit)
            self._volume.write(visit.agent)

    async def _relay(self, visit: _Visit, client: Stream, server: Stream) -> None:
        try:
            if visit.wanted.head is None:
                client[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                visit.counts.sent += len(visit.wanted.head)
                self._move(visit.agent, len(visit.wanted.head))
                server[1].write(visit.wanted.head)
            await tunnel.relay(
                client,
                server,
                visit.counts,
                moved=lambda size: self._move(visit.agent, size),
                silence_seconds=self._config.silence_seconds,
            )
        except* OverLimitError:
            visit.detail = "it was cut off: the agent's bytes of this day are used up"
        except* SilentError:
            visit.detail = f"it was cut off: nothing moved for {self._config.silence_seconds:g} s"
        except* OSError as errors:
            visit.detail = f"it broke off: {_innermost(errors)}"

    def _check(self, agent: str, wanted: Wanted) -> None:
        """Raises RefusedError."""
        if self._stopped is not None:
            raise RefusedError(f"An operator has stopped every agent of this hive: {self._stopped}.")
        if not any(rule.permits(wanted.host, wanted.port) for rule in self._rules.get(agent, ())):
            name = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
            raise RefusedError(
                f"{agent} may not connect to {name}:{wanted.port}. If you need it, say to the operator or the manager "
                f'what for, and that `egress = ["{name}:{wanted.port}"]` in your agent.toml would allow it.'
            )
        if self._volume.today(agent) >= self._config.bytes_per_day:
            raise RefusedError(f"{agent} has moved {self._config.bytes_per_day} bytes today (UTC), which is the limit.")

    def _move(self, agent: str, size: int) -> None:
        self._volume.add(agent, size)
        if self._volume.today(agent) > self._config.bytes_per_day:
            raise OverLimitError

    def _note(self, visit: _Visit, at: datetime, seconds: float) -> None:
        minute = visit.agent, at.replace(second=0, microsecond=0)
        self._logged = Counter({k: n for k, n in self._logged.items() if k[1] == minute[1]})
        self._logged[minute] += 1
        moved = visit.counts.sent or visit.counts.received
        if self._logged[minute] > LOGGED_A_MINUTE and not moved:
            return
        self._book.post_egress(
            EgressEntry(
                id=0,
                at=at,
                agent=visit.agent,
                host=visit.wanted.host,
                port=visit.wanted.port,
                verdict=visit.verdict,
                detail=visit.detail,
                address=str(visit.address) if visit.address is not None else None,
                sent=visit.counts.sent,
                received=visit.counts.received,
                seconds=seconds,
            )
        )


async def _wanted(client: Stream) -> Wanted | None:
    """What the client asks for; None when it asks for nothing that can be understood, and has been told."""
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            return await request.read(client[0])
    except BadRequestError as error:
        await _answer(client[1], 400, str(error))
    except (EOFError, TimeoutError, ConnectionError):
        pass
    return None


async def _answer(writer: asyncio.StreamWriter, status: int, text: str) -> None:
    body = f"{text}\n".encode()
    reason = {400: "Bad Request", 403: "Forbidden", 502: "Bad Gateway"}[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\nServer: hive-gateway\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with contextlib.suppress(ConnectionError):
        writer.write(head.encode() + body)
        await writer.drain()


def _readable(agent: str, texts: Sequence[str]) -> Sequence[Rule]:
    """What core has read before is readable; anything else allows nothing."""
    found = []
    for text in texts:
        try:
            found.append(parse_rule(text))
        except ValueError as error:
            log.error("%s: an egress rule is left out: %s", agent, error)
    return found


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
