"""What the package and the module for NixOS say that is said elsewhere too."""

import base64
import importlib.metadata
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from hive_cli.up.host import HostConfig, skeleton

ROOT = Path(__file__).parents[2]
PACKAGE = (ROOT / "modules" / "package.nix").read_text()


def test_the_sdk_is_the_one_that_is_locked() -> None:
    (version,) = re.findall(r'pname = "claude-agent-sdk";\s+version = "([^"]+)"', PACKAGE)
    (digest,) = re.findall(r'hash = "sha256-([^"]+)"', PACKAGE)
    lock = (ROOT / "requirements.lock").read_text()
    (locked,) = re.findall(rf"^claude-agent-sdk=={re.escape(version)} (?:\\\n +--hash=sha256:[0-9a-f]+ ?)+", lock, re.M)
    assert base64.b64decode(digest).hex() in locked


def test_the_sdk_has_what_it_requires() -> None:
    (listed,) = re.findall(r"dependencies = with python3Packages; \[([^\]]+)\]", PACKAGE)
    required = map(Requirement, importlib.metadata.requires("claude-agent-sdk") or [])
    wanted = {each.name for each in required if each.marker is None or each.marker.evaluate({"extra": ""})}
    assert set(listed.split()) == wanted


def test_the_dependencies_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (listed,) = re.findall(
        r"dependencies = \[\s+claude-agent-sdk\s+\]\s+\+\+ \(with python3Packages; \[([^\]]+)\]", PACKAGE
    )
    assert {"claude-agent-sdk", *listed.split()} == set(project["dependencies"])
    assert f'version = "{project["version"]}"' in PACKAGE


def test_the_module_makes_the_directories_of_hive_up() -> None:
    """Of the module's text, because its evaluation needs nixpkgs' lib, which is not everywhere."""
    rules = (ROOT / "modules" / "hive.nix").read_text()
    wanted = {f"/{path}" for path in skeleton(HostConfig(port=4483)).directories} - {"/hive-state/lib"}
    made = set(re.findall(r'"(?:d|L\+) (/\S+) ', rules))
    assert made == wanted
