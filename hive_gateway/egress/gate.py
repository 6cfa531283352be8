"""The proxy behind every agent's `egress.sock`: decides, connects, counts, and writes each connection down."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hive_base.clock import Clock
from hive_gateway.book import Book
from hive_gateway.config import EgressConfig
from hive_gateway.egress import request, tunnel
from hive_gateway.egress.addresses import why_not
from hive_gateway.egress.request import BadRequestError, Wanted
from hive_gateway.egress.resolver import Resolver
from hive_gateway.egress.tunnel import Counts, OverLimitError, SilentError, Stream
from hive_rpc.accounts import EgressEntry, Verdict
from hive_rpc.egress import Address, Rule, address_of, parse_rule
from hive_rpc.interfaces.gateway import AgentsReply

HEAD_SECONDS = 30.0
"""How long a client may take to say what it wants."""
MOST_ADDRESSES = 4
"""Of a name that are tried one after the other."""
LOGGED_A_MINUTE = 120
"""Entries of one agent: what is refused costs nothing to try, and must not wash the others' entries away."""

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The connection may not be made. Its text is for the agent."""


class FailedError(Exception):
    """The connection could not be made. Its text is for the agent."""


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

    def __init__(self, book: Book, resolver: Resolver, config: EgressConfig, clock: Clock) -> None:
        self._book = book
        self._resolver = resolver
        self._config = config
        self._clock = clock
        self._rules: Mapping[str, Sequence[Rule]] = {}
        self._stopped: str | None = None
        self._open: set[_Visit] = set()
        self._moved: Counter[tuple[str, object]] = Counter()
        """Bytes by agent and day."""
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
        async with tunnel.closing(client[1]):
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
            server = await self._connect(visit)
        except (RefusedError, FailedError) as error:
            visit.verdict = Verdict.REFUSED if isinstance(error, RefusedError) else Verdict.FAILED
            visit.detail = str(error)
            await _answer(client[1], 403 if visit.verdict is Verdict.REFUSED else 502, visit.detail)
            return
        visit.verdict = Verdict.ALLOWED
        visit.task = asyncio.current_task()
        self._open.add(visit)
        try:
            async with tunnel.closing(server[1]):
                await self._relay(visit, client, server)
        finally:
            self._open.discard(visit)

    async def _relay(self, visit: _Visit, client: Stream, server: Stream) -> None:
        try:
            if visit.wanted.head is None:
                client[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
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
        if self._moved[agent, self._clock.now().date()] >= self._config.bytes_per_day:
            raise RefusedError(f"{agent} has moved {self._config.bytes_per_day} bytes today (UTC), which is the limit.")

    async def _connect(self, visit: _Visit) -> Stream:
        """To one of the addresses that the name has now: nothing is looked up again. Raises what `_serve` answers."""
        host, port = visit.wanted.host, visit.wanted.port
        literal = address_of(host)
        addresses = [literal] if literal is not None else await self._resolver.resolve(host)
        if not addresses:
            raise FailedError(f"{host} has no address.")
        refusals = {} if literal is not None else {a: reason for a in addresses if (reason := why_not(a))}
        allowed = [address for address in addresses if address not in refusals]
        if not allowed:
            address, reason = next(iter(refusals.items()))
            raise RefusedError(f"{host} leads to {address}, {reason}: such a one has to be allowed by its address.")
        for visit.address in allowed[:MOST_ADDRESSES]:
            try:
                async with asyncio.timeout(self._config.connect_seconds):
                    return await asyncio.open_connection(str(visit.address), port, limit=tunnel.CHUNK)
            except OSError as error:  # TimeoutError is one
                log.debug("%s: %s: %s", visit.agent, visit.address, error)
        raise FailedError(f"{host}:{port} cannot be reached.")

    def _move(self, agent: str, size: int) -> None:
        key = agent, self._clock.now().date()
        if key not in self._moved:
            # A day has begun: the ones before it are over.
            self._moved = Counter({k: n for k, n in self._moved.items() if k[1] == key[1]})
        self._moved[key] += size
        if self._moved[key] > self._config.bytes_per_day:
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
