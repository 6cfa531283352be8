"""Nix, told to use nothing but the flake that it is given."""

import json
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hive_base.process import Completed, run
from hive_core.build.inside import Refusal

Heard = Callable[[str], None]
"""Called with each line of Nix's log."""

_SETTINGS = {
    "experimental-features": "nix-command flakes",
    # What a flake says about settings is not heeded, and what an evaluation would have to build is not built.
    "accept-flake-config": "false",
    "allow-import-from-derivation": "false",
    # No path and no variable of the machine is there for an expression.
    "pure-eval": "true",
    "allow-unsafe-native-code-during-evaluation": "false",
    # A name that is no address means nothing.
    "flake-registry": "",
    "use-registries": "false",
    "eval-cache": "false",
    "warn-dirty": "false",
    "connect-timeout": "15",
    "download-attempts": "2",
}
ENVIRONMENT: dict[str, str] = {}
"""More of it. None in the sandbox, where the daemon is the store."""
_TIME = 24 * 3600.0
"""Seconds; what an errand may take, its unit decides."""
_SHOWN = 4000
"""Characters of an error."""
_STORE_SOURCE = re.compile(r"\S*/[0-9a-z]{32}-source/")
_UNMADE = re.compile(r"path '\S*/[0-9a-z]{32}-(\S+)' is not valid")
_NOISE = re.compile(r"^(\(use '--show-trace'.*|warning: .*lock file.*|.*Added input.*|\s*'?(path|git\+file):.*)$")


@dataclass(frozen=True)
class Work:
    """A flake of our own in a directory of its own, for one errand."""

    root: Path
    heard: Heard

    @property
    def flake(self) -> Path:
        return self.root / "flake"

    @property
    def url(self) -> str:
        return f"path:{self.flake}"

    def lock(self) -> str:
        return (self.flake / "flake.lock").read_text()

    async def nix(self, *words: str | Path) -> Completed:
        """Run `nix`. Raises Refusal with what it says."""
        return await self._run("nix", *words)

    async def evaluated(self, attribute: str) -> Any:
        """An attribute of the flake, which is locked, without a word of it in the store. Raises Refusal.

        `nix eval` writes there what an expression makes (`builtins.toFile`, derivations), and only its newer releases
        can be told not to. `nix-instantiate --eval` computes the paths and writes none.
        """
        locked = json.loads((await self.nix("flake", "metadata", "--json", self.url)).stdout)["url"]
        expression = f"(builtins.getFlake {json.dumps(locked)}).{attribute}"
        return json.loads((await self._run("nix-instantiate", "--eval", "--json", "--expr", expression)).stdout)

    async def _run(self, *words: str | Path) -> Completed:
        settings = "\n".join(f"{key} = {value}" for key, value in _SETTINGS.items())
        environment = {
            "NIX_CONFIG": settings,
            "NIX_USER_CONF_FILES": "/dev/null",
            "HOME": str(self.root),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "GIT_CONFIG_NOSYSTEM": "1",
            # Its garbage collector would look into /proc/stat, which is not there.
            "GC_NPROCS": "1",
            **ENVIRONMENT,
        }
        done = await run(words, environment=environment, time_limit=_TIME, heard=self.heard, check=False)
        if done.exit_code != 0:
            raise Refusal(readable(done.stderr) or f"Nix ended with exit code {done.exit_code}.")
        return done


@asynccontextmanager
async def work(files: Mapping[str, str], heard: Heard) -> AsyncIterator[Work]:
    """A flake of these files."""
    with tempfile.TemporaryDirectory() as scratch:
        found = Work(Path(scratch), heard)
        for name, text in files.items():
            path = found.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        yield found


def readable(stderr: str) -> str:
    """Nix's error for people: without where its copies lie, and without what is said of lock files."""
    # What was computed only, and is read all the same.
    text = _UNMADE.sub(r"\1 is read, and would have to be made for that: an evaluation makes nothing", stderr)
    lines = [_STORE_SOURCE.sub("", line).rstrip() for line in text.splitlines()]
    kept = [line for line in lines if line and not _NOISE.match(line)]
    begin = next((i for i, line in enumerate(kept) if line.startswith(("error:", "fatal:"))), 0)
    text = "\n".join(kept[begin:]).removeprefix("error:").lstrip()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
