"""The verbs on a flake: locking it, evaluating one of its machines, building one."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hive_core.build.inside import Refusal
from hive_core.configs.inside.applied import adopt, head
from hive_core.configs.inside.git import git
from hive_core.meta.flake import PREFIX
from hive_core.meta.inside.nix import Heard, Work, work

FLAKE, LOCK = "flake.nix", "flake.lock"


async def read(repository: Path) -> dict[str, Any]:
    """The two files as they were committed last; empty where there is no commit."""
    sha = await head(repository)
    texts = dict.fromkeys((FLAKE, LOCK), "")
    if sha:
        for name in texts:
            texts[name] = (await git(repository, "cat-file", "blob", f"{sha}:{name}")).stdout
    return {"sha": sha, "flake": texts[FLAKE], "lock": texts[LOCK]}


async def commit(repository: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Commit both files; that they are there already is no change. `{"sha"}`."""
    before = await read(repository)
    if (before["flake"], before["lock"]) == (order["flake"], order["lock"]):
        return {"sha": before["sha"]}
    files = {FLAKE: order["flake"], LOCK: order["lock"]}
    return {"sha": await adopt(repository, {**order, "files": files})}


async def lock(order: dict[str, Any], heard: Heard) -> dict[str, Any]:
    """Lock what is not locked, and what is to be renewed; what is fetched is kept from Nix's collector. `{"lock"}`."""
    text = without(order["lock"], order["renew"])
    async with _flake(order["flake"], text, heard) as found:
        await found.nix("flake", "lock", found.url)
        return {"lock": found.lock()}


async def keep(roots: Path, order: dict[str, Any], heard: Heard) -> dict[str, Any]:
    """Fetch every input that is no agent's, and keep it from Nix's collector: evaluation has no network. `{}`."""
    async with _flake(order["flake"], order["lock"], heard) as found:
        archived = json.loads((await found.nix("flake", "archive", "--json", found.url)).stdout)
        for name, entry in archived["inputs"].items():
            if not name.startswith(PREFIX):
                await found.nix("build", "--out-link", roots / name, entry["path"])
    return {}


async def evaluate(order: dict[str, Any], heard: Heard) -> dict[str, Any]:
    """Whether a machine evaluates with these files of its agent's. `{"derivation"}`. Raises Refusal."""
    async with _flake(order["flake"], order["lock"], heard, order["files"]) as found:
        text = order["flake"].replace(order["url"], f"path:{found.root / _SOURCE}")
        (found.flake / FLAKE).write_text(text)
        await found.nix("flake", "lock", found.url)
        return {"derivation": await found.evaluated(f"{_toplevel(order['agent'])}.drvPath")}


async def build(link: Path, order: dict[str, Any], heard: Heard) -> dict[str, Any]:
    """Build a machine, and link to it, which keeps it from Nix's collector. `{"system"}`. Raises Refusal."""
    async with _flake(order["flake"], order["lock"], heard) as found:
        await found.nix("flake", "lock", found.url)
        machine = f"{found.url}#{_toplevel(order['agent'])}"
        words = ("build", "--json", "--print-build-logs", "--no-update-lock-file", "--out-link", link, machine)
        (built,) = json.loads((await found.nix(*words)).stdout)
        return {"system": built["outputs"]["out"]}


def without(text: str, names: Sequence[str]) -> str:
    """A lock in which these inputs are not locked: locking it again renews them, with every release of Nix."""
    if not text or not names:
        return text
    locked = json.loads(text)
    root = locked["nodes"][locked["root"]].get("inputs", {})
    unknown = set(names) - set(root)
    if unknown:
        raise Refusal(f"There is no input {', '.join(sorted(unknown))}: `hive inputs` lists them.")
    for name in names:
        del root[name]
    return json.dumps(locked)


_SOURCE = "source"


def _flake(flake: str, lock: str, heard: Heard, files: Mapping[str, str] | None = None) -> Any:
    texts = {f"flake/{FLAKE}": flake} | ({f"flake/{LOCK}": lock} if lock else {})
    return work(texts | {f"{_SOURCE}/{name}": text for name, text in (files or {}).items()}, heard)


def _toplevel(agent: str) -> str:
    return f'nixosConfigurations."{agent}".config.system.build.toplevel'


__all__ = ["Work", "build", "commit", "evaluate", "keep", "lock", "read"]
