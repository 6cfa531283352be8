"""What a new conversation is told of the one before: the note that the model wrote, and the last exchanges.

Kept in the harness's directory, so that the model's tools cannot change it between two conversations.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from hive_agent.limits import cut
from hive_rpc.types import Message, Model

log = logging.getLogger(__name__)

MAX_NOTE = 16_000
"""Characters."""
MAX_EXCHANGES = 5
MAX_WORDS = 1_000
"""Characters of one message or answer."""


class Exchange(Model):
    sender: str
    asked: str
    answered: str


class _Kept(Model):
    note: str = ""
    since: int = 0
    """Turns since the note was written."""
    exchanges: list[Exchange] = []


class Handover:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept = self._read()

    @property
    def note(self) -> str:
        """What the model wrote; empty when it never did."""
        return self._kept.note

    @property
    def turns_since_note(self) -> int:
        return self._kept.since

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """The last ones, oldest first; those that the note knows of are not among them."""
        return self._kept.exchanges

    def wrote(self, note: str) -> None:
        """The model has written a note: all before it is in it."""
        self._keep(_Kept(note=cut(note.strip(), MAX_NOTE)))

    def answered(self, messages: Sequence[Message], words: str) -> None:
        """A turn went well."""
        new = [
            Exchange(sender=message.sender, asked=cut(message.body, MAX_WORDS), answered=cut(words, MAX_WORDS))
            for message in messages
        ]
        exchanges = [*self._kept.exchanges, *new][-MAX_EXCHANGES:]
        self._keep(self._kept.model_copy(update={"since": self._kept.since + 1, "exchanges": exchanges}))

    def _keep(self, kept: _Kept) -> None:
        self._kept = kept
        new = self._file.with_suffix(".new")
        try:
            new.write_text(kept.model_dump_json())
            new.replace(self._file)
        except OSError as error:
            # A full disk must not end the turn that has just gone well.
            log.warning("The hand-over cannot be kept: %s", error)

    def _read(self) -> _Kept:
        try:
            return _Kept.model_validate_json(self._file.read_text())
        except FileNotFoundError:
            return _Kept()
        except (OSError, ValidationError) as error:
            log.warning("%s is damaged and left aside: %s", self._file, error)
            return _Kept()
