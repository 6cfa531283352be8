"""How operators' commands ended, on the way to core. What core did not hear of it asks for again."""

import asyncio

from hive_agent.harness.link import Link
from hive_rpc.interfaces.agent import Command, CommandEndedRequest


class Answers:
    """`done` and `refused` never wait; `run` tells core."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: asyncio.Queue[CommandEndedRequest] = asyncio.Queue()

    def done(self, command: Command) -> None:
        self._add(command, None)

    def refused(self, command: Command, reason: str) -> None:
        self._add(command, reason)

    async def run(self) -> None:
        while True:
            ended = await self._waiting.get()
            await self._link.call(lambda agent, ended=ended: agent.command_ended(ended))  # type: ignore[misc]

    def _add(self, command: Command, refused: str | None) -> None:
        if command.id is not None:
            self._waiting.put_nowait(CommandEndedRequest(id=command.id, refused=refused))
