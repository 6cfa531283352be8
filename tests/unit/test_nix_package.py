"""What the package for NixOS says twice."""

import base64
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = (ROOT / "modules" / "package.nix").read_text()


def test_the_sdk_is_the_one_that_is_locked() -> None:
    (version,) = re.findall(r'pname = "claude-agent-sdk";\s+version = "([^"]+)"', PACKAGE)
    (digest,) = re.findall(r'hash = "sha256-([^"]+)"', PACKAGE)
    lock = (ROOT / "requirements.lock").read_text()
    (locked,) = re.findall(rf"^claude-agent-sdk=={re.escape(version)} (?:\\\n +--hash=sha256:[0-9a-f]+ ?)+", lock, re.M)
    assert base64.b64decode(digest).hex() in locked


def test_the_dependencies_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (listed,) = re.findall(
        r"dependencies = \[\s+claude-agent-sdk\s+\]\s+\+\+ \(with python3Packages; \[([^\]]+)\]", PACKAGE
    )
    assert {"claude-agent-sdk", *listed.split()} == set(project["dependencies"])
    assert f'version = "{project["version"]}"' in PACKAGE
