"""The repositories, as core asks for them: every git runs elsewhere (see `hive_core.configs.inside`)."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hive_base.clock import Clock
from hive_base.paths import StatePaths
from hive_core.build.errands import answer, own
from hive_core.build.sandbox import Errand, Sandbox
from hive_core.store import from_ms
from hive_rpc.configuration import Commit
from hive_rpc.types import LATEST

_LARGEST = 16 * 1024 * 1024
"""Bytes that an errand may answer; a pack is the longest."""


@dataclass(frozen=True)
class Tree:
    """The files of a commit; `agent.toml` is one of them."""

    sha: str
    files: Mapping[str, str]

    @property
    def config(self) -> str:
        return self.files["agent.toml"]


class Repositories:
    """One for each agent. Names are agents' names, shas are full ones; both are checked before they get here."""

    def __init__(self, sandbox: Sandbox, state: StatePaths, clock: Clock) -> None:
        self._sandbox = sandbox
        self._state = state
        self._clock = clock

    async def take(self, name: str, sha: str) -> Tree:
        """Copy a commit from `proposed` to `applied`, where nobody but us can change it any more.

        Raises InvalidError when there is no such commit, or when it is not sound or no configuration.
        """
        proposed = self._state.proposed
        pack = await self._errand("pack", proposed / name, sha, sees=proposed)
        return _tree(await self._applied("receive", name, sha, stdin=pack))

    async def commit(
        self, name: str, files: Mapping[str, str], *, parent: str | None, author: str, message: str
    ) -> str:
        """Commit these files, in place of all that the parent has."""
        order = {"files": dict(files), "parent": parent, "author": author, "message": message, "at": self._seconds()}
        return (await self._applied("commit", name, stdin=json.dumps(order).encode())).decode()

    async def adopt(self, name: str, files: Mapping[str, str], *, author: str, message: str) -> str:
        """Commit these files in place of those that are applied, and apply them."""
        order = {"files": dict(files), "author": author, "message": message, "at": self._seconds()}
        return (await self._applied("adopt", name, stdin=json.dumps(order).encode())).decode()

    async def read(self, name: str, sha: str) -> Tree:
        """Raises InvalidError when there is no such commit."""
        return _tree(await self._applied("read", name, sha))

    async def show(self, name: str, sha: str, path: str) -> str | None:
        """One file of a commit; None where there is no such file or commit."""
        found = await self._applied("show", name, sha, path)
        return found[1:].decode(errors="replace") if found else None

    async def head(self, name: str) -> str | None:
        """The commit that is applied."""
        return (await self._applied("head", name)).decode() or None

    async def move(self, name: str, sha: str) -> None:
        """Make it the one that is applied."""
        await self._applied("move", name, sha)

    async def mark(self, name: str, tag: str, sha: str, message: str) -> None:
        """Tag it, as `approved/<id>`."""
        order = {"message": message, "at": self._seconds()}
        await self._applied("mark", name, tag, sha, stdin=json.dumps(order).encode())

    async def diff(self, name: str, old: str | None, new: str) -> str:
        return (await self._applied("diff", name, old or "", new)).decode(errors="replace")

    async def log(self, name: str) -> list[Commit]:
        entries = json.loads(await self._applied("log", name))
        return [
            Commit(
                sha=entry["sha"],
                at=_said(entry["at"]),
                author=entry["author"],
                subject=entry["subject"],
                tags=entry["tags"],
            )
            for entry in entries
        ]

    async def _applied(self, verb: str, name: str, *words: str, stdin: bytes = b"") -> bytes:
        repository = self._state.applied_of(name)
        await own(repository)
        return await self._errand(verb, repository, *words, changes=repository, stdin=stdin)

    async def _errand(
        self, verb: str, *words: str | Path, sees: Path | None = None, changes: Path | None = None, stdin: bytes = b""
    ) -> bytes:
        errand = Errand(
            arguments=[sys.executable, "-I", "-m", "hive_core.configs.inside", verb, *words],
            sees=[sees] if sees else [],
            changes=[changes] if changes else [],
            stdin=stdin,
            output_limit=_LARGEST,
        )
        return await answer(self._sandbox, verb, errand)

    def _seconds(self) -> int:
        return int(self._clock.now().timestamp())


def _said(seconds: int) -> datetime:
    """When a commit says that it was made, which may be any number."""
    return from_ms(max(0, min(seconds, int(LATEST.timestamp()) - 1)) * 1000)


def _tree(text: bytes) -> Tree:
    found = json.loads(text)
    return Tree(sha=found["sha"], files=found["files"])
