"""The agent's one conversation: its id is ours, kept in the harness's directory, and only one process may hold it.

Two CLIs on one conversation lose turns without a word: each writes its own branch and the next run sees only one.
"""

import fcntl
import json
import logging
import os
import re
import uuid
from pathlib import Path

from hive_rpc.errors import ConflictError

log = logging.getLogger(__name__)


class Conversation:
    """The id of the conversation, and whether the CLI has a transcript of it. Made by `hold`."""

    def __init__(self, file: Path, *, claude: Path, directory: Path, lock: int) -> None:
        self._file = file
        self._claude = claude
        self._directory = directory
        self.lock = lock
        """The descriptor that holds the lock."""
        self._fresh_because = ""
        self._session = self._read() or self.begin("there was none before")

    @property
    def session(self) -> str:
        return self._session

    @property
    def fresh_because(self) -> str:
        """Why it begins, while it has not begun; empty afterwards."""
        return "" if self.has_transcript else self._fresh_because or "the earlier one is gone"

    @property
    def has_transcript(self) -> bool:
        """Only its presence is looked at: the file is the model's, and root does not read it."""
        return os.path.lexists(transcript(self._claude, self._directory, self._session))

    def begin(self, reason: str) -> str:
        """Let the next turn begin a conversation with a new id."""
        self._session = str(uuid.uuid4())
        self._fresh_because = reason
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({"session": self._session}))
        new.replace(self._file)
        log.info("New conversation %s: %s", self._session, reason)
        return self._session

    def release(self) -> None:
        os.close(self.lock)

    def _read(self) -> str | None:
        try:
            return str(uuid.UUID(str(json.loads(self._file.read_text())["session"])))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s is damaged (%s): the conversation begins anew", self._file, error)
            return None


def hold(harness: Path, *, claude: Path, directory: Path) -> Conversation:
    """Take the agent's conversation for this process and, by inheritance, its runners.

    Raises ConflictError when another process has it.
    """
    lock = os.open(harness / "conversation.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ConflictError(
            f"Another process holds the conversation in {harness}.", hint="Only one harness may run for an agent."
        ) from None
    return Conversation(harness / "conversation.json", claude=claude, directory=directory, lock=lock)


def transcript(claude: Path, directory: Path, session: str) -> Path:
    """Where the CLI keeps a conversation that was begun in `directory`."""
    project = re.sub(r"[^A-Za-z0-9]", "-", str(directory))
    return claude / "projects" / project / f"{session}.jsonl"
