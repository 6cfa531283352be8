"""What operators want of this harness, as core's command stream tells it: settings, holds, commands."""

import asyncio
import logging
from collections.abc import Callable

from hive_agent.harness.answers import Answers
from hive_agent.harness.link import Link
from hive_rpc.accounts import Hold
from hive_rpc.interfaces.agent import Command, CommandKind, Settings

log = logging.getLogger(__name__)

_BETWEEN_TURNS = frozenset({CommandKind.COMPACT, CommandKind.NEW_SESSION, CommandKind.WAKE})


class Control:
    """The present wishes; `run` follows the stream."""

    def __init__(self, link: Link, answers: Answers) -> None:
        self._link = link
        self._answers = answers
        self._settings: Settings | None = None
        self._known = asyncio.Event()
        self._asked: dict[CommandKind, Command] = {}
        self._heard: dict[str, None] = {}
        self.hold: Hold | None = None
        """What keeps the account's agents from their model."""
        self.on_settings: Callable[[Settings], None] = lambda settings: None
        """Told of the settings at each change, besides whoever asks for them."""
        self.drain = asyncio.Event()
        """Take no further message; set once and for ever."""
        self.cancel = asyncio.Event()
        """Interrupt the turn that runs. The turn clears it."""
        self.in_turn = False
        """There is something to cancel."""
        self.attention = asyncio.Event()
        """Something here is other than before. Who looks clears it first."""

    @property
    def paused(self) -> bool:
        return self._settings is not None and self._settings.paused

    async def settings(self) -> Settings:
        """The settings, as soon as core has told them."""
        await self._known.wait()
        assert self._settings is not None
        return self._settings

    def asked(self, kind: CommandKind) -> Command | None:
        """The operator's command of this kind that waits for a moment between two turns."""
        return self._asked.get(kind)

    def settled(self, command: Command, *, refused: str | None = None) -> None:
        """It is carried out, or came to nothing."""
        self._asked.pop(command.kind, None)
        if refused is None:
            self._answers.done(command)
        else:
            self._answers.refused(command, refused)

    async def run(self) -> None:
        async for command in self._link.commands():
            if not self._is_known(command):
                self._obey(command)
                self.attention.set()

    def _is_known(self, command: Command) -> bool:
        """Core repeats at each connection what holds, and what it has no answer to."""
        if command.id is not None:
            return self._has_heard(command.id)
        match command.kind:
            case CommandKind.SETTINGS:
                return command.settings is None or command.settings == self._settings
            case CommandKind.HOLD:
                return command.hold == self.hold
            case _:
                return False

    def _obey(self, command: Command) -> None:
        match command.kind:
            case CommandKind.SETTINGS if command.settings is not None:
                self._settings = command.settings
                self._known.set()
                self.on_settings(command.settings)
            case CommandKind.HOLD:
                self.hold = command.hold
            case CommandKind.DRAIN:
                log.info("Draining: no further message is taken")
                self.drain.set()
            case CommandKind.CANCEL:
                self.cancel.set()
                self.settled(command, refused=None if self.in_turn else "no turn ran any more")
            case kind if kind in _BETWEEN_TURNS:
                self._asked[kind] = command
            case _:
                log.warning("Core sent a command that this harness does not know: %s", command.kind)

    def _has_heard(self, command: str) -> bool:
        known = command in self._heard
        self._heard[command] = None
        if len(self._heard) > 1000:
            del self._heard[next(iter(self._heard))]
        return known
