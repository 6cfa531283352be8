"""git, told to use nothing but the objects and refs of the repository that is named."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from hive_base.process import Completed, run

_SETTINGS = {
    # No program is run on anybody's behalf.
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "protocol.allow": "never",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "gpg.program": "/bin/false",
    # Files beside the objects that say something about them; git believes them without looking.
    "core.commitGraph": "false",
    "core.multiPackIndex": "false",
    "pack.useBitmaps": "false",
    "core.alternateRefsCommand": "/bin/false",
    # A blob that unpacks to gigabytes is streamed, not held.
    "core.bigFileThreshold": "1m",
    "pack.threads": "1",
    "transfer.fsckObjects": "true",
    "init.defaultBranch": "main",
}


def environment(**more: str) -> dict[str, str]:
    """Everything that git could take from elsewhere is said here."""
    settings = {}
    for position, (key, value) in enumerate(_SETTINGS.items()):
        settings[f"GIT_CONFIG_KEY_{position}"] = key
        settings[f"GIT_CONFIG_VALUE_{position}"] = value
    return {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_COUNT": str(len(_SETTINGS)),
        **settings,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "HOME": "/nonexistent",
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108 - the unit's own
        **more,
    }


async def git(
    repository: Path,
    *arguments: str | Path,
    stdin: bytes = b"",
    more: Mapping[str, str] | None = None,
    check: bool = True,
    output_limit: int = 64 * 1024 * 1024,
) -> Completed:
    """Run git on a bare repository. Raises ProcessError."""
    words: Sequence[str | Path] = ["git", f"--git-dir={repository}", *arguments]
    return await run(
        words, stdin=stdin, environment=environment(**(more or {})), output_limit=output_limit, check=check
    )
