"""Sending errands, and what their programs (`hive_core.build.inside`) say back."""

import asyncio
import os
from pathlib import Path

from hive_base.users import BUILD
from hive_core.build.inside import REFUSED
from hive_core.build.sandbox import Errand, Sandbox
from hive_rpc.errors import InvalidError, StorageError


async def answer(sandbox: Sandbox, verb: str, errand: Errand) -> bytes:
    """Raises InvalidError with the reason of a refusal, StorageError when there is no answer."""
    done = await sandbox.run(errand)
    if done.exit_code == REFUSED:
        raise InvalidError(done.stdout.strip())
    if done.exit_code != 0:
        _, _, said = done.stderr.strip().rpartition("\n")
        raise StorageError(
            f"The errand {verb} of {BUILD.name} failed ({done.exit_code}): "
            f"{done.stdout.strip() or said or 'it was killed, or took too long'}."
        )
    return done.output


async def own(directory: Path) -> None:
    """Have a directory that is root's to make and `hive-build`'s to fill; everybody may read it."""
    await asyncio.to_thread(_own, directory)


def _own(directory: Path) -> None:
    if not directory.exists():
        directory.mkdir(parents=True)
        os.chown(directory, BUILD.uid, BUILD.uid)
    directory.chmod(0o755)
