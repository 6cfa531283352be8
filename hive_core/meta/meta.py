"""The meta flake on the disk, and what is built from it. Every git and Nix runs elsewhere (`hive_core.meta.inside`)."""

import asyncio
import json
import re
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hive_base.clock import Clock
from hive_base.paths import StatePaths
from hive_core.build.errands import answer, own
from hive_core.build.sandbox import Errand, Sandbox
from hive_core.meta import lock
from hive_core.meta.flake import PREFIX, Sources, render, url
from hive_rpc.configuration import InputChange
from hive_rpc.errors import AgentFailedError, ConflictError, InvalidError, StorageError
from hive_rpc.interfaces.operator.configuration import Input

STORE = Path("/nix/store")
_SYSTEM = re.compile(r"[0-9a-z]{32}-[A-Za-z0-9+._?=-]{1,211}")
_EVALUATION_SECONDS = 120.0
_FETCH_SECONDS = 900.0
_BUILD_SECONDS = 4 * 3600.0
_MEMORY = 4 * 1024 * 1024 * 1024
"""Bytes, of one evaluation."""
_AUTHOR = "hive"

Heard = Callable[[str], None]


@dataclass(frozen=True)
class Proposed:
    """A lock with other inputs than the one that is committed."""

    lock: str
    changes: Sequence[InputChange]


@dataclass(frozen=True)
class _State:
    flake: str
    lock: str


class Meta:
    """`pin` and `adopt` commit; everything else leaves it as it is."""

    def __init__(
        self, sandbox: Sandbox, state: StatePaths, clock: Clock, sources: Sources, *, store: Path = STORE
    ) -> None:
        self._sandbox = sandbox
        self._state = state
        self._clock = clock
        self._sources = sources
        self._store = store
        self._changing = asyncio.Lock()

    async def inputs(self) -> tuple[list[Input], str]:
        """What is pinned, and the text of the flake."""
        now = await self._begun()
        return lock.inputs(now.lock), now.flake

    async def evaluate(self, agent: str, files: Mapping[str, str]) -> None:
        """Whether an agent's machine could be built from these files. Raises InvalidError with Nix's own words."""
        now = await self._begun()
        # Which commit of it is said does not matter: the files take its place.
        sha = "0" * 40
        order = {
            "flake": self._render({agent: sha}),
            "url": url(self._state.applied, agent, sha),
            "lock": now.lock,
            "agent": agent,
            "files": dict(files),
        }
        try:
            await self._errand("evaluate", order=order, nix=True, seconds=_EVALUATION_SECONDS)
        except InvalidError as error:
            raise InvalidError(f"The configuration of {agent} does not evaluate: {error.message}") from error
        except StorageError as error:
            raise InvalidError(
                f"The configuration of {agent} does not evaluate within {_EVALUATION_SECONDS:g} s and "
                f"{_MEMORY // 1024**3} GiB of memory, or the machine's Nix is not there.",
                hint="See what agent.nix does, and `systemctl status nix-daemon`.",
            ) from error

    async def build(self, agent: str, sha: str, *, heard: Heard, lock: str | None = None) -> Path:
        """The system of an agent's commit, built from what is pinned, or with another lock. Raises AgentFailedError."""
        now = await self._begun()
        order = {"flake": self._render({agent: sha}), "lock": lock or now.lock, "agent": agent}
        link = self._link(agent)
        try:
            found = await self._errand(
                "build",
                link,
                order=order,
                nix=True,
                seconds=_BUILD_SECONDS,
                reads=[self._state.applied],
                changes=[self._state.builds],
                heard=heard,
            )
        except InvalidError as error:
            raise AgentFailedError(f"{agent} cannot be built: {error.message}") from error
        return await asyncio.to_thread(self._checked, found["system"])

    async def let_go(self, agent: str) -> None:
        """Nix's collector may have what was built for it last; no error when nothing was. Raises StorageError."""
        try:
            # In a directory of `hive-build`'s: of what it may have put there, the name alone is removed.
            await asyncio.to_thread(self._link(agent).unlink, missing_ok=True)
        except OSError as error:
            raise StorageError(f"The link to what {agent} booted cannot be removed: {error.strerror}.") from error

    async def pin(self, pins: Mapping[str, str | None], message: str) -> None:
        """Commit that these agents are at these commits; None takes one out."""
        await self._commit(pins, message, None)

    async def propose(self, names: Sequence[str]) -> Proposed:
        """Look for what is new in these inputs; of none given, in all that are no agents'.

        Raises InvalidError for a name that is none, ConflictError when nothing is new.
        """
        now = await self._begun()
        known = [entry.name for entry in lock.inputs(now.lock) if not entry.name.startswith(PREFIX)]
        if unknown := set(names) - set(known):
            raise InvalidError(
                f"There is no input {', '.join(sorted(unknown))} to be updated.",
                hint=f"There are {', '.join(known)}. What an agent is pinned to changes with its configuration.",
            )
        found = await self._locked(now.flake, now.lock, names or known)
        changes = lock.changes(now.lock, found)
        if not changes:
            raise ConflictError(f"Nothing is new in {', '.join(names or known)}.")
        return Proposed(found, changes)

    async def lock(self) -> str:
        """The lock that is committed."""
        return (await self._begun()).lock

    async def adopt(self, text: str, message: str) -> None:
        """Commit the inputs of this lock; agents are pinned as they were."""
        await self._commit({}, message, text)

    async def _begun(self) -> _State:
        """What is committed, made if nothing is."""
        async with self._changing:
            now = await self._read()
            if now.lock:
                return now
            flake = self._render({})
            locked = await self._locked(flake, "", [])
            await self._keep(flake, locked)
            await self._written(flake, locked, "What agents are built from")
            return _State(flake, locked)

    async def _commit(self, pins: Mapping[str, str | None], message: str, text: str | None) -> None:
        await self._begun()
        async with self._changing:
            now = await self._read()
            wanted = {name: sha for name, sha in {**lock.pins(now.lock), **pins}.items() if sha is not None}
            flake = self._render(wanted)
            if text is not None:
                await self._keep(flake, text)
            order = {"flake": flake, "lock": text or now.lock, "renew": []}
            found = await self._errand(
                "lock", order=order, nix=True, seconds=_EVALUATION_SECONDS, reads=[self._state.applied]
            )
            await self._written(flake, found["lock"], message)

    async def _locked(self, flake: str, text: str, renew: Sequence[str]) -> str:
        """With a network: what is to be found out is what is new there."""
        order = {"flake": flake, "lock": text, "renew": list(renew)}
        found = await self._errand(
            "lock", order=order, nix=True, network=True, seconds=_FETCH_SECONDS, reads=[self._state.applied]
        )
        return str(found["lock"])

    async def _keep(self, flake: str, text: str) -> None:
        await self._errand(
            "keep",
            self._state.builds,
            order={"flake": flake, "lock": text},
            nix=True,
            network=True,
            seconds=_FETCH_SECONDS,
            reads=[self._state.applied],
            changes=[self._state.builds],
        )

    async def _read(self) -> _State:
        found = await self._errand("read", self._state.meta, changes=[self._state.meta])
        return _State(found["flake"], found["lock"])

    async def _written(self, flake: str, text: str, message: str) -> None:
        at = int(self._clock.now().timestamp())
        order = {"flake": flake, "lock": text, "author": _AUTHOR, "message": message, "at": at}
        await self._errand("commit", self._state.meta, order=order, changes=[self._state.meta])

    async def _errand(
        self,
        verb: str,
        *words: str | Path,
        order: Mapping[str, Any] | None = None,
        nix: bool = False,
        network: bool = False,
        seconds: float = 30,
        reads: Sequence[Path] = (),
        changes: Sequence[Path] = (),
        heard: Heard | None = None,
    ) -> dict[str, Any]:
        for path in (*reads, *changes):
            await own(path)
        errand = Errand(
            arguments=[sys.executable, "-I", "-m", "hive_core.meta.inside", verb, *words],
            reads=reads,
            changes=changes,
            stdin=json.dumps(order or {}).encode(),
            time_limit=seconds,
            memory=_MEMORY if nix else Errand.memory,
            nix=nix,
            network=network,
            heard=heard or _unheard,
        )
        said: dict[str, Any] = json.loads(await answer(self._sandbox, verb, errand))
        return said

    def _link(self, agent: str) -> Path:
        return self._state.builds / f"{PREFIX}{agent}"

    def _checked(self, path: str) -> Path:
        """What was built is set by root: so it has to be a directory in the store, and nothing else."""
        found = Path(path)
        if found.parent != self._store or not _SYSTEM.fullmatch(found.name):
            raise AgentFailedError(f"What was built is not in the store: {path!r}.")
        try:
            mode = found.lstat().st_mode
        except OSError as error:
            raise AgentFailedError(f"What was built is not there: {path}: {error.strerror}.") from error
        if not stat.S_ISDIR(mode):
            raise AgentFailedError(f"What was built is no system: {path} is not a directory.")
        return found

    def _render(self, pins: Mapping[str, str]) -> str:
        return render(pins, self._state.applied, self._sources)


def _unheard(line: str) -> None:
    """Nix tells what it does; of interest is only how it ends."""
