"""Reading a `flake.lock` (version 7, as Nix 2.4 and later write it)."""

import json
from datetime import UTC, datetime
from typing import Any

from hive_core.meta.flake import PREFIX
from hive_rpc.configuration import InputChange
from hive_rpc.errors import InvalidError
from hive_rpc.interfaces.operator.configuration import Input

_VERSION = 7


def inputs(text: str) -> list[Input]:
    """The flake's own inputs, by name. Raises InvalidError for what is no lock file."""
    try:
        lock = json.loads(text)
        if lock["version"] != _VERSION:
            raise InvalidError(f"flake.lock is of version {lock['version']}; {_VERSION} is known.")
        nodes = lock["nodes"]
        root = nodes[lock["root"]]["inputs"]
        return [_input(name, nodes[node]) for name, node in sorted(root.items()) if isinstance(node, str)]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidError(f"flake.lock cannot be read: {error!r}.") from error


def pins(text: str) -> dict[str, str]:
    """The commit of each agent that is pinned; none for a text that is empty. Raises as `inputs` does."""
    found = inputs(text) if text else []
    return {
        entry.name.removeprefix(PREFIX): entry.revision
        for entry in found
        if entry.name.startswith(PREFIX) and entry.revision is not None
    }


def changes(old: str, new: str) -> list[InputChange]:
    """What is pinned otherwise in the new lock, but for agents."""
    before = {entry.name: entry for entry in inputs(old)} if old else {}
    found = []
    for entry in inputs(new):
        was = before.get(entry.name)
        if entry.name.startswith(PREFIX) or (was is not None and was.revision == entry.revision):
            continue
        found.append(
            InputChange(
                name=entry.name,
                old=was.revision if was else None,
                old_at=was.modified_at if was else None,
                new=entry.revision or "",
                new_at=entry.modified_at,
            )
        )
    return found


def _input(name: str, node: dict[str, Any]) -> Input:
    locked, original = node.get("locked", {}), node.get("original", {})
    modified = locked.get("lastModified")
    return Input(
        name=name,
        url=_reference(original),
        revision=locked.get("rev") or locked.get("narHash"),
        modified_at=datetime.fromtimestamp(modified, UTC) if modified is not None else None,
    )


def _reference(original: dict[str, Any]) -> str:
    match original.get("type"):
        case "github":
            return "/".join(filter(None, [f"github:{original['owner']}", original["repo"], original.get("ref")]))
        case "path":
            return f"path:{original['path']}"
        case "git":
            return f"git+{original['url']}"
        case other:
            return str(original.get("id") or other or "")
