"""What the harness hears of its settings."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from hive_agent.harness.answers import Answers
from hive_agent.harness.control import Control
from hive_agent.harness.link import Link
from hive_rpc.interfaces.agent import Command, CommandKind, Settings


class Core:
    """Says these commands, and then nothing more."""

    def __init__(self, *commands: Command) -> None:
        self._commands = commands

    async def commands(self) -> AsyncIterator[Command]:
        for command in self._commands:
            yield command


async def test_whoever_follows_the_settings_is_told_of_each_change_once() -> None:
    said = [Settings(egress=["git.example:443"]), Settings(egress=["git.example:443"]), Settings()]
    link = cast(Link, Core(*(Command(kind=CommandKind.SETTINGS, settings=settings) for settings in said)))
    control = Control(link, cast(Answers, None))
    heard: list[list[str]] = []
    control.on_settings = lambda settings: heard.append(settings.egress)

    async with asyncio.timeout(10):
        await control.run()

    assert heard == [["git.example:443"], []]
