"""What operators want of this harness, as core's command stream tells it: settings, draining, cancelling."""

import asyncio
import logging
from collections.abc import Callable

from hive_agent.harness.link import Link
from hive_rpc.interfaces.agent import Command, CommandKind, Settings

log = logging.getLogger(__name__)


class Control:
    """The present wishes; `run` follows the stream."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings: Settings | None = None
        self._known = asyncio.Event()
        self.on_settings: Callable[[Settings], None] = lambda settings: None
        """Told of the settings at each change, besides whoever asks for them."""
        self.drain = asyncio.Event()
        """Take no further message; set once and for ever."""
        self.cancel = asyncio.Event()
        """Interrupt the turn that runs. The turn clears it."""

    async def settings(self) -> Settings:
        """The settings, as soon as core has told them."""
        await self._known.wait()
        assert self._settings is not None
        return self._settings

    async def run(self) -> None:
        async for command in self._link.commands():
            self._obey(command)

    def _obey(self, command: Command) -> None:
        match command.kind:
            case CommandKind.SETTINGS if command.settings is not None:
                self._settings = command.settings
                self.on_settings(command.settings)
                self._known.set()
            case CommandKind.DRAIN:
                log.info("Draining: no further message is taken")
                self.drain.set()
            case CommandKind.CANCEL:
                self.cancel.set()
            case _:
                log.warning("Core sent a command that this harness does not know: %s", command.kind)
