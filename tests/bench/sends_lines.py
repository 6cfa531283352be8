"""One client of a queue, for ours and for Redis streams: it sends to one recipient, or is that recipient."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from hive_base.ids import new_id
from hive_rpc.client import connect
from hive_rpc.interfaces.agent import Agent, HelloRequest, IdsRequest, ReceiveRequest, SendRequest

MAX_CLIENTS = 256
_MOST = 100
_GROUP = "group"


def agent_name(number: int) -> str:
    return f"a{number + 1}"


class Line(Protocol):
    async def send(self, body: str) -> None:
        """Return when it is on the disk."""

    async def receive(self) -> Sequence[str]:
        """Wait for messages, and acknowledge them."""


class HiveLine:
    def __init__(self, agent: Agent, name: str) -> None:
        self._agent = agent
        self._name = name

    async def send(self, body: str) -> None:
        await self._agent.send(SendRequest(to=self._name, body=body))

    async def receive(self) -> Sequence[str]:
        messages = (await self._agent.receive(ReceiveRequest(wait_seconds=5, max=_MOST, held=[]))).messages
        if messages:
            await self._agent.ack(IdsRequest(ids=[m.id for m in messages]))
        return [m.body for m in messages]


class RedisLine:
    def __init__(self, redis: Any, name: str) -> None:
        self._redis = redis
        self._name = name

    async def send(self, body: str) -> None:
        await self._redis.xadd(self._name, {"body": body})

    async def receive(self) -> Sequence[str]:
        found = await self._redis.xreadgroup(_GROUP, "one", {self._name: ">"}, count=_MOST, block=5000)
        entries = [entry for _, entries in found for entry in entries]
        if entries:
            await self._redis.xack(self._name, _GROUP, *[entry for entry, _ in entries])
        return [fields["body"] for _, fields in entries]


@contextlib.asynccontextmanager
async def line(kind: str, path: Path, number: int, *, receives: bool) -> AsyncIterator[Line]:
    """A connection of its own to the queue: ours has its sockets in the directory `path`, Redis is the socket `path`.

    Whoever sends does so as one agent, whose socket all of them share.
    """
    name = agent_name(number)
    if kind == "hive":
        async with connect(path / f"{name if receives else agent_name(-1)}.sock") as client:
            agent = client.proxy(Agent)
            if receives:
                await agent.hello(HelloRequest(instance=new_id("harness")))
            yield HiveLine(agent, name)
        return
    redis: Any = Redis(unix_socket_path=str(path), decode_responses=True, single_connection_client=True)
    async with redis:
        if receives:
            # Left from the round before.
            with contextlib.suppress(ResponseError):
                await redis.xgroup_create(name, _GROUP, id="0", mkstream=True)
        yield RedisLine(redis, name)
