"""How the CLI is started, and that nothing which counts can be configured away."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hive_agent.harness import cgroups
from hive_agent.harness.cgroups import Cgroup
from hive_agent.harness.surroundings import Home, Surroundings
from hive_agent.runner.command import bundled_cli, command, flags
from hive_rpc.interfaces.agent import McpServer, Settings
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY, PLACEHOLDER_TOKEN
from hive_rpc.interfaces.runner import LaunchInstruction

HOME = Home.in_container("worker")


def launch(settings: Settings | None = None, *, resume: bool = False) -> LaunchInstruction:
    surroundings = Surroundings.in_container(Cgroup(Path("/sys/fs/cgroup/unit/model")))
    return surroundings.launch(HOME, settings or Settings(), session="the-id", resume=resume, forward_port=7332)


def test_the_cli_joins_its_cgroup_then_leaves_root_groups_and_capabilities_for_ever() -> None:
    words = command(launch())
    joined, left = words.index("/sys/fs/cgroup/unit/model"), words.index("setpriv")
    assert words[0] == "/bin/sh"
    assert joined < left < words.index(bundled_cli())
    assert words[left + 1 : words.index("--")] == [
        "--reuid=60610",
        "--regid=60610",
        "--clear-groups",
        "--no-new-privs",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--ambient-caps=-all",
    ]


def test_a_new_conversation_has_our_id_and_an_old_one_is_resumed() -> None:
    assert "--session-id=the-id" in flags(launch())
    assert "--resume=the-id" in flags(launch(resume=True))
    assert not any(flag.startswith("--session-id") for flag in flags(launch(resume=True)))


def test_a_configured_model_is_always_named() -> None:
    assert "--model=opus" in flags(launch(Settings(model="opus"), resume=True))
    assert not any(flag.startswith("--model") for flag in flags(launch()))


def test_nothing_in_the_working_directory_is_loaded() -> None:
    words = flags(launch())
    assert "--setting-sources=" in words
    assert "--strict-mcp-config" in words


def test_every_tool_is_allowed_but_those_that_wake_or_write_outside_the_hive() -> None:
    words = flags(launch())
    assert "--permission-mode=bypassPermissions" in words
    (unfit,) = [word for word in words if word.startswith("--disallowedTools=")]
    assert "Bash" not in unfit
    assert "SendMessage" in unfit


def test_configured_servers_of_tools_stand_beside_the_hive_s() -> None:
    calculator = McpServer(name="calc", command="calc", arguments=["-q"], environment={"A": "1"})
    impostor = McpServer(name="hive", command="evil")
    words = flags(launch(Settings(mcp_servers=[calculator, impostor])))
    servers = json.loads(words[words.index("--mcp-config") + 1])["mcpServers"]
    wanted = {"type": "stdio", "command": "calc", "args": ["-q"], "env": {"A": "1"}}
    assert servers["calc"] == {**wanted, "alwaysLoad": True}
    assert servers["hive"]["type"] == "sdk"


def test_the_environment_is_ours_whatever_is_configured() -> None:
    wished = {"ANTHROPIC_BASE_URL": "http://evil", "ANTHROPIC_API_KEY": "real", "HOME": "/root", "MINE": "1"}
    environment = launch(Settings(environment=wished)).environment
    assert environment["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:7332"
    assert environment["ANTHROPIC_API_KEY"] == PLACEHOLDER_API_KEY
    assert environment["HOME"] == "/agents/worker/state"
    assert environment["CLAUDE_CONFIG_DIR"] == "/agents/worker/claude"
    assert environment["MINE"] == "1"


def test_the_environment_has_nothing_of_the_harness_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "HIVE_AGENT"):
        monkeypatch.setenv(name, "x")
    assert not {"NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "HIVE_AGENT"} & set(launch().environment)


def test_the_cli_that_comes_with_the_sdk_is_there_and_can_be_run() -> None:
    assert os.access(bundled_cli(), os.X_OK)


def test_the_cgroup_is_read_from_the_unified_line() -> None:
    text = "12:pids:/elsewhere\n0::/system.slice/hive-agent.service\n"
    assert cgroups.own_path(text) == Path("/sys/fs/cgroup/system.slice/hive-agent.service")


def test_an_idle_harness_holds_none_of_the_libraries_that_weigh() -> None:
    script = (
        "from hive_agent.harness import diet; diet.begin()\n"
        "from hive_agent.absent import Absent\n"
        "import hive_agent.harness.daemon, sys\n"
        "real = lambda module: module is not None and not isinstance(module, Absent)\n"
        "print(*(name for name, module in sys.modules.items() if real(module)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "pydantic" in loaded
    heavy = {"ssl", "_ssl", "_hashlib", "importlib.metadata", "email", "zipfile", "claude_agent_sdk", "mcp", "anyio"}
    heavy |= {"aiohttp", "click", "rich", "systemd", "sqlite3", "multiprocessing"}
    heavy |= {"pydantic.json_schema", "asyncio.sslproto"}
    # Each model on the wire takes 25 KiB: the operators' are a tenth of the whole.
    heavy |= {"hive_rpc.interfaces.operator", "hive_rpc.interfaces.session"}
    assert heavy & set(loaded) == set()
    assert [name for name in loaded if name.startswith("_sysconfigdata")] == []


def test_a_subscription_has_the_placeholder_of_a_token_and_nothing_else_that_is_a_credential() -> None:
    configured = {"ANTHROPIC_API_KEY": "sk-ant-mine", "ANTHROPIC_AUTH_TOKEN": "mine", "OTHER": "kept"}
    environment = launch(Settings(subscription=True, environment=configured)).environment

    assert environment["CLAUDE_CODE_OAUTH_TOKEN"] == PLACEHOLDER_TOKEN
    assert environment["OTHER"] == "kept"
    assert not {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"} & environment.keys()
    assert "CLAUDE_CODE_OAUTH_TOKEN" not in launch(Settings(environment=configured)).environment
