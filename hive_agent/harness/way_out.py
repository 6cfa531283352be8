"""What programs in the container have for the outside: a proxy on loopback, and names for programs that know of none.

Both lead to the gateway's `egress.sock`, which decides. Each host that is allowed by name gets an address of its own
in 127.77.0.0/16 and a line in `/etc/hosts`; a connection to it is a tunnel to the host itself.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from hive_agent.harness.forwarder import Forwarder
from hive_base.clock import Clock
from hive_rpc.egress import Rule, parse_rules
from hive_rpc.interfaces.agent import Settings

PROXY_PORT = 7333
_MARK = "# Hosts that this agent may connect to; each leads through the hive's gateway."
_MOST_NAMES = 250
MAX_HEAD = 16 * 1024

log = logging.getLogger(__name__)


class Tunnels(Forwarder):
    """Connections to one host and port, through the proxy."""

    def __init__(self, socket: Path, clock: Clock, rule: Rule) -> None:
        super().__init__(socket, clock)
        self._rule = rule

    async def _gateway(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await super()._gateway()
        try:
            writer.write(f"CONNECT {self._rule} HTTP/1.1\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if head.split(b" ")[1:2] != [b"200"]:
                refusal = (await reader.read(MAX_HEAD)).decode(errors="replace").strip()
                raise ConnectionRefusedError(refusal)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            writer.close()
            raise ConnectionResetError(str(error)) from None
        except BaseException:
            writer.close()
            raise
        return reader, writer


class WayOut:
    """`want` says what is allowed, `run` makes it so."""

    def __init__(self, socket: Path, clock: Clock, *, hosts: Path, port: int = PROXY_PORT) -> None:
        """`hosts` is the container's `/etc/hosts`, `port` the proxy's on 127.0.0.1."""
        self._socket = socket
        self._clock = clock
        self._hosts = hosts
        self._port = port
        self._rules: Sequence[Rule] = ()
        self._changed = asyncio.Event()
        self._addresses: dict[str, str] = {}
        """By name; an address once given stays that name's, because programs remember it."""
        self._tunnels: dict[Rule, Tunnels] = {}

    def want(self, settings: Settings) -> None:
        """The hosts of these settings that are allowed by name."""
        try:
            rules = parse_rules(settings.egress)
        except ValueError as error:
            log.error("The settings name a host that cannot be understood: %s", error)
            return
        self._rules = [rule for rule in rules if rule.address is None and not rule.below][:_MOST_NAMES]
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        base = await asyncio.to_thread(_without_ours, self._hosts)
        async with AsyncExitStack() as stack:
            proxy = Forwarder(self._socket, self._clock)
            stack.push_async_callback(proxy.close)
            proxy.listen(self._port)
            stack.push_async_callback(self._close)
            while True:
                self._changed.clear()
                await self._reconcile()
                await asyncio.to_thread(_write, self._hosts, base, self._names())
                await self._changed.wait()

    async def _reconcile(self) -> None:
        for rule in [rule for rule in self._tunnels if rule not in self._rules]:
            await self._tunnels.pop(rule).close()
        for rule in self._rules:
            if rule in self._tunnels:
                continue
            tunnels = Tunnels(self._socket, self._clock, rule)
            try:
                tunnels.listen(rule.port, self._address(rule.host))
            except OSError as error:
                log.warning("%s has no name of its own: %s", rule, error)
                continue
            self._tunnels[rule] = tunnels

    async def _close(self) -> None:
        for tunnels in self._tunnels.values():
            await tunnels.close()
        self._tunnels.clear()

    def _names(self) -> dict[str, str]:
        return {rule.host: self._address(rule.host) for rule in self._tunnels}

    def _address(self, host: str) -> str:
        number = len(self._addresses)
        return self._addresses.setdefault(host, f"127.77.{number // 250 % 250}.{number % 250 + 1}")


def _without_ours(hosts: Path) -> str:
    return hosts.read_text().partition(_MARK)[0] if hosts.exists() else ""


def _write(hosts: Path, base: str, names: dict[str, str]) -> None:
    lines = [_MARK, *(f"{address} {name}" for name, address in names.items())] if names else []
    new = hosts.with_name(f"{hosts.name}.new")
    new.write_text(base + "".join(f"{line}\n" for line in lines))
    # Every program in the container looks names up in it, whatever this process's umask.
    new.chmod(0o644)
    new.replace(hosts)
