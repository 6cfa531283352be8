"""The line to each agent: its socket, the harness connections on it, and the commands that go down."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from hive_base.paths import RunPaths
from hive_rpc.interface import Interface
from hive_rpc.interfaces.agent import MAX_CONNECTIONS, Command, CommandKind
from hive_rpc.server import Peer, Server
from hive_rpc.types import AgentState

HandlerFactory = Callable[[str, Peer], Sequence[Interface]]
"""The handlers of one connection, from the agent's name and the peer."""


@dataclass
class _Link:
    server: Server
    connections: dict[str, int] = field(default_factory=dict)
    """Connections by the harness instance that said hello on them."""
    queues: set[asyncio.Queue[Command]] = field(default_factory=set)
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    """The harness said that it has drained, or is not there."""


class Links:
    """One per core. `handlers` is given when core is wired, because the handlers need the links in turn."""

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._links: dict[str, _Link] = {}
        self.handlers: HandlerFactory = lambda agent, peer: ()

    async def listen(self, agent: str) -> None:
        """Open the agent's core socket; doing it twice is no error."""
        if agent in self._links:
            return
        server = Server(lambda peer: self.handlers(agent, peer), max_connections=MAX_CONNECTIONS)
        self._links[agent] = _Link(server)
        # Only the root of the container that this directory is bound into gets through: the bind is id-mapped.
        await server.listen(self._paths.core_socket(agent), mode=0o600, uid=0, gid=0)

    async def unlisten(self, agent: str) -> None:
        """Close the socket and every connection on it; no error when there is none."""
        link = self._links.pop(agent, None)
        if link is not None:
            link.quiet.set()
            await link.server.close()

    async def close(self) -> None:
        for agent in list(self._links):
            await self.unlisten(agent)

    def greeted(self, agent: str, instance: str) -> None:
        """A connection of this instance has said hello."""
        link = self._links[agent]
        link.connections[instance] = link.connections.get(instance, 0) + 1
        link.quiet.clear()

    def parted(self, agent: str, instance: str) -> bool:
        """A connection that had said hello is gone; True when it was the instance's last one."""
        link = self._links.get(agent)
        if link is None or instance not in link.connections:
            return False
        link.connections[instance] -= 1
        if link.connections[instance] > 0:
            return False
        del link.connections[instance]
        if not link.connections:
            link.quiet.set()
        return True

    def connected(self, agent: str) -> bool:
        link = self._links.get(agent)
        return link is not None and bool(link.connections)

    def reported(self, agent: str, state: AgentState) -> None:
        """The harness said what it does; `stopped` ends a drain."""
        link = self._links.get(agent)
        if link is not None and state is AgentState.STOPPED:
            link.quiet.set()

    def command(self, agent: str, command: Command) -> bool:
        """Send a command to the harness; False when none listens."""
        link = self._links.get(agent)
        if link is None or not link.queues:
            return False
        for queue in link.queues:
            queue.put_nowait(command)
        return True

    async def drain(self, agent: str) -> None:
        """Tell the harness to finish its turn, and return when it has, or at once when none listens."""
        link = self._links.get(agent)
        if link is None or not link.connections:
            return
        link.quiet.clear()
        if self.command(agent, Command(kind=CommandKind.DRAIN)):
            await link.quiet.wait()

    async def commands(self, agent: str, first: Callable[[], Sequence[Command]] = tuple) -> AsyncIterator[Command]:
        """What `first` says, asked when nothing can be missed any more, and then what is commanded."""
        with self._queue(agent) as queue:
            for command in first():
                yield command
            while True:
                yield await queue.get()

    @contextmanager
    def _queue(self, agent: str) -> Iterator[asyncio.Queue[Command]]:
        queue: asyncio.Queue[Command] = asyncio.Queue()
        link = self._links[agent]
        link.queues.add(queue)
        try:
            yield queue
        finally:
            link.queues.discard(queue)
