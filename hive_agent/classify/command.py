"""`hive-agent classify`: for people who debug a recorded run of the CLI."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hive_agent.classify.evidence import Cancel, from_lines
from hive_agent.classify.rules import classify


def _read(path: Path) -> str:
    return sys.stdin.read() if str(path) == "-" else path.read_text(errors="replace")


def main(arguments: Sequence[str]) -> int:
    """Print outcome, reset time, whether trying again can help, and the evidence, as one JSON object."""
    parser = argparse.ArgumentParser(prog="hive-agent classify", description=__doc__)
    parser.add_argument("file", type=Path, help="what the CLI printed with --output-format stream-json; - is stdin")
    parser.add_argument("--stderr", type=Path, metavar="FILE", help="what it printed on stderr")
    parser.add_argument("--exit-code", type=int, metavar="N", help="how it ended; -N is a signal. Default: not known")
    parser.add_argument("--cancel", choices=[c.value for c in Cancel], help="why we ended it, where we did")
    given = parser.parse_args(arguments)
    try:
        lines = _read(given.file).split("\n")
        stderr = _read(given.stderr) if given.stderr else ""
    except OSError as error:
        sys.stderr.write(f"hive-agent classify: {error.filename} cannot be read: {error.strerror}.\n")
        return 1
    cancel = Cancel(given.cancel) if given.cancel else None
    found = classify(from_lines(lines, exit_code=given.exit_code, stderr=stderr, cancel=cancel))
    sys.stdout.write(json.dumps(found.as_object(), ensure_ascii=False, indent=2) + "\n")
    return 0
