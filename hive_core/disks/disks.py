"""Images of file systems, mounted by systemd: what is in one can fill it, and nothing else.

An image is a sparse file that only the kernel writes to: a container has no say in what is parsed when it is mounted.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from hive_base.process import ProcessError, run
from hive_core.containers.trees import remove_trees
from hive_rpc.errors import StorageError

MIB = 1024 * 1024
_OPTIONS = "loop,nosuid,nodev,noatime,discard"
"""`discard`: what is deleted in it takes no room on the machine's disk any more."""
_MINUTES = 600.0
"""Seconds: a copy of what an agent has had before it had an image."""


class Disks(Protocol):
    async def attach(self, place: Path, image: Path, mib: int) -> None:
        """Have a file system of at least that size at `place`, which nothing uses. What lies there moves into it.

        Raises StorageError.
        """

    async def detach(self, place: Path) -> None:
        """Unmount it; no error when it is not mounted. Raises StorageError."""

    async def remove(self, place: Path, image: Path) -> None:
        """Delete it with all that is in it; no error when there is none. Raises StorageError."""


class Images:
    """The disks where systemd is PID 1 (systemd-mount(1))."""

    async def attach(self, place: Path, image: Path, mib: int) -> None:
        try:
            await self._attach(place, image, mib * MIB)
        except (OSError, ProcessError) as error:
            raise StorageError(
                f"{place} cannot have a file system of its own: {error}.",
                hint="It takes e2fsprogs, loop devices and free space on the machine.",
            ) from error

    async def detach(self, place: Path) -> None:
        if await asyncio.to_thread(place.is_mount):
            try:
                await run(["systemd-mount", "--umount", "--quiet", place])
            except ProcessError as error:
                raise StorageError(f"{place} cannot be unmounted: {error}.") from error

    async def remove(self, place: Path, image: Path) -> None:
        await self.detach(place)
        await remove_trees(image, place)

    async def _attach(self, place: Path, image: Path, size: int) -> None:
        there = await asyncio.to_thread(_prepare, place, image)
        if there is None:
            await self._make(place, image, size)
        elif there < size:
            await self.detach(place)
            await self._grow(image, size)
        if not await asyncio.to_thread(place.is_mount):
            # What was in the directory before it had an image, and has been copied.
            await remove_trees(*await asyncio.to_thread(_below, place))
            await _mount(image, place)

    async def _make(self, place: Path, image: Path, size: int) -> None:
        new = image.with_suffix(".new")
        await asyncio.to_thread(_begin, new, size)
        await run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", new])
        if await asyncio.to_thread(_below, place):
            await self._copy(place, new)
        await asyncio.to_thread(new.rename, image)

    async def _copy(self, place: Path, new: Path) -> None:
        aside = new.with_suffix("")
        await asyncio.to_thread(aside.mkdir, mode=0o700, exist_ok=True)
        await _mount(new, aside)
        try:
            copying: list[str | Path] = ["cp", "--archive", "--one-file-system", "--no-target-directory", place, aside]
            await run(copying, time_limit=_MINUTES)
        finally:
            await self.detach(aside)

    async def _grow(self, image: Path, size: int) -> None:
        await asyncio.to_thread(_resize, image, size)
        # resize2fs asks for it; it mends nothing that the journal does not mend. 1 is "was mended".
        done = await run(["e2fsck", "-f", "-p", image], time_limit=_MINUTES, check=False)
        if done.exit_code > 1:
            raise ProcessError(f"e2fsck found {image.name} damaged: {done.stdout.strip()}")
        await run(["resize2fs", image], time_limit=_MINUTES)


def _prepare(place: Path, image: Path) -> int | None:
    """The size of the image in bytes; None when there is none."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return image.stat().st_size if image.exists() else None


def _below(place: Path) -> list[Path]:
    return list(place.iterdir())


def _begin(new: Path, size: int) -> None:
    """In place of what an earlier attempt has left."""
    new.parent.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileNotFoundError):
        new.unlink()
    _resize(new, size)


async def _mount(image: Path, place: Path) -> None:
    # When the machine goes down, containers are stopped before it: they are in that slice.
    before = "--property=Before=machine.slice"
    flags: Sequence[str] = ("--collect", "--fsck=no", "--type=ext4", f"--options={_OPTIONS}", before)
    await run(["systemd-mount", *flags, image, place])


def _resize(image: Path, size: int) -> None:
    descriptor = os.open(image, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)
