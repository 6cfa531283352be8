"""Recordings on disk: `tests/recordings/<version of the CLI>/`, one `.jsonl` each and an index of how each was made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1] / "recordings"
MEASURED = "2.1.197"
"""The version of which docs/claude-cli.md has the full measurements."""
MAX_TEXT = 2000
"""Characters of one text that are kept: nothing is decided by more."""
_INIT_KEPT = (
    "type",
    "subtype",
    "session_id",
    "model",
    "mcp_servers",
    "apiKeySource",
    "claude_code_version",
    "permissionMode",
)


@dataclass(frozen=True)
class Recording:
    name: str
    version: str
    note: str
    arguments: Sequence[str]
    prompt: str
    exit_code: int
    stderr: str
    lines: Sequence[str]
    """What the CLI printed, trimmed."""

    def __str__(self) -> str:
        return f"{self.version}/{self.name}"


def versions() -> list[str]:
    return sorted(path.name for path in ROOT.iterdir() if path.is_dir())


def lines_of(text: str) -> list[str]:
    """Its lines, split at newlines alone: a line may hold other characters that Python takes for an end of line."""
    return [line for line in text.split("\n") if line]


def read(version: str) -> list[Recording]:
    directory = ROOT / version
    index: Mapping[str, Any] = json.loads((directory / "index.json").read_text())
    return [
        Recording(name, version, **about, lines=lines_of((directory / f"{name}.jsonl").read_text()))
        for name, about in index.items()
    ]


def write(recordings: Sequence[Recording]) -> None:
    """Replace all recordings of their version."""
    (version,) = {recording.version for recording in recordings}
    directory = ROOT / version
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    index = {}
    for recording in sorted(recordings, key=lambda r: r.name):
        about = asdict(recording)
        lines = about.pop("lines")
        (directory / f"{recording.name}.jsonl").write_text("".join(f"{line}\n" for line in lines))
        index[recording.name] = {key: value for key, value in about.items() if key not in {"name", "version"}}
    (directory / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n")


def trim(line: str) -> str:
    """A line without what only takes room: the list of tools and commands of each turn, and the length of texts."""
    try:
        body = json.loads(line)
    except ValueError:
        return line
    if isinstance(body, dict) and body.get("type") == "system" and body.get("subtype") == "init":
        body = {key: body[key] for key in _INIT_KEPT if key in body}
    return json.dumps(_short(body), ensure_ascii=False, separators=(",", ":"))


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + "…"
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return value
