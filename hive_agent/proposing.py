"""Committing a configuration: `python3 -m hive_agent.proposing <name>`, with files and message on stdin as JSON.

It runs as the model's user: the repositories are that user's, with whatever the model has put into them, and what it
does here it could do in its shell as well. Exit code 3 is a refusal, with its reason on standard error.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from hive_base.paths import ContainerPaths
from hive_base.process import ProcessError, run

REFUSED = 3
MAX_PATH_PARTS = 5


class Refusal(Exception):  # noqa: N818 - it is the answer, not a failure
    pass


async def commit(proposed: Path, applied: Path, files: dict[str, str], message: str) -> str:
    """Commit the files on top of what is applied; the commit's full id."""
    if not _there(proposed / ".git"):
        await run(["git", "init", "--quiet", proposed], stdin=b"")
    if _there(applied):
        await _catch_up(proposed, applied)
    for name, text in files.items():
        path = proposed / name
        parts = Path(name).parts
        if Path(name).is_absolute() or ".." in parts or ".git" in parts or not 0 < len(parts) <= MAX_PATH_PARTS:
            raise Refusal(f"{name!r} is no path in the repository.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    await _git(proposed, "add", "--all")
    await _git(proposed, "commit", "--quiet", "--allow-empty", "--file=-", stdin=message)
    return await _git(proposed, "rev-parse", "HEAD")


async def _catch_up(proposed: Path, applied: Path) -> None:
    """Begin where the agent is: what runs may have been changed by somebody else since the last proposal."""
    if await _git(proposed, "status", "--porcelain"):
        raise Refusal(f"{proposed} has changes that are not committed. Commit them yourself, or take them back.")
    await _git(proposed, "fetch", "--quiet", str(applied), "main")
    await _git(proposed, "checkout", "--quiet", "-B", "main", "FETCH_HEAD")


def _there(path: Path) -> bool:
    return path.exists()


async def _git(repository: Path, *words: str, stdin: str = "") -> str:
    done = await run(["git", "-C", repository, *words], stdin=stdin.encode())
    return done.stdout.strip()


def main() -> None:
    order: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    paths = ContainerPaths("")
    name = sys.argv[1]
    try:
        work = commit(paths.proposed / name, paths.applied / name, order["files"], order["message"])
        sys.stdout.write(asyncio.run(work))
    except (Refusal, ProcessError, OSError) as error:
        sys.stderr.write(str(error))
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
