"""A connection to core that is made again whenever it is lost."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from hive_agent.harness.backoff import Backoff
from hive_base.clock import Clock
from hive_rpc.client import Client
from hive_rpc.errors import UnavailableError
from hive_rpc.interface import Interface
from hive_rpc.interfaces.agent import Agent, Command, HelloReply, HelloRequest
from hive_rpc.types import Empty

R = TypeVar("R")
A = TypeVar("A", bound=Interface)

log = logging.getLogger(__name__)

FIRST_DELAY = 0.05
MOST_DELAY = 2.0
ANSWER_SECONDS = 30.0
"""A core that has not answered a call for so long is taken for one that is away."""


class Link:
    """One connection, on which calls are answered in order; it says hello before anything else."""

    def __init__(
        self, path: Path, hello: HelloRequest, *, clock: Clock, on_hello: Callable[[HelloReply], None] | None = None
    ) -> None:
        self._path = path
        self._hello = hello
        self._clock = clock
        self._on_hello = on_hello
        self._connecting = asyncio.Lock()
        self._client: Client | None = None

    async def attempt(self, call: Callable[[Agent], Awaitable[R]], *, limit: float = ANSWER_SECONDS) -> R:
        """Make a call once. Raises UnavailableError when core is away, and whatever core answers."""
        return await self.attempt_as(Agent, call, limit=limit)

    async def attempt_as(
        self, interface: type[A], call: Callable[[A], Awaitable[R]], *, limit: float = ANSWER_SECONDS
    ) -> R:
        """`attempt` for another of core's interfaces on the same socket."""
        client = None
        try:
            async with asyncio.timeout(limit):
                client = await self._connected()
                return await call(client.proxy(interface))
        except TimeoutError:
            await self._drop(client)
            raise UnavailableError(f"Core has not answered for {limit:g} s.", hint="Try again.") from None
        except UnavailableError:
            await self._drop(client)
            raise

    async def call(self, call: Callable[[Agent], Awaitable[R]], *, limit: float = ANSWER_SECONDS) -> R:
        """Make a call, again and again until core answers; it must do no harm when done twice."""
        backoff = Backoff(self._clock, first=FIRST_DELAY, most=MOST_DELAY)
        while True:
            try:
                return await self.attempt(call, limit=limit)
            except UnavailableError as error:
                log.debug("Core is away: %s", error)
                await backoff.wait()

    async def commands(self) -> AsyncIterator[Command]:
        """The stream of commands, for ever; after each interruption it begins with the settings again."""
        backoff = Backoff(self._clock, first=FIRST_DELAY, most=MOST_DELAY)
        while True:
            client = None
            try:
                client = await self._connected()
                async for command in client.proxy(Agent).commands(Empty()):
                    backoff.reset()
                    yield command
            except UnavailableError as error:
                log.debug("Core is away: %s", error)
            await self._drop(client)
            await backoff.wait()

    async def close(self) -> None:
        await self._drop(self._client)

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None:
                client = await Client.connect(self._path)
                try:
                    reply = await client.proxy(Agent).hello(self._hello)
                except BaseException:
                    await client.close()
                    raise
                self._client = client
                if self._on_hello is not None:
                    self._on_hello(reply)
            return self._client

    async def _drop(self, client: Client | None) -> None:
        """Close a connection that failed, unless another caller has replaced it already."""
        if client is None:
            return
        if self._client is client:
            self._client = None
        await client.close()
