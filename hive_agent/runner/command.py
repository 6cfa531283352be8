"""The command line that starts the CLI: how it gets into its cgroup and out of root, then its flags."""

import importlib.util
import json
from pathlib import Path

from hive_rpc.interfaces.runner import LaunchInstruction
from hive_rpc.types import Object

TOOL_SERVER = "hive"
"""The name of the in-process MCP server: the tools are `mcp__hive__send` and so on."""
UNFIT_TOOLS = ("CronCreate", "CronDelete", "CronList", "ScheduleWakeup", "Monitor", "ListAgents", "SendMessage")
"""Tools that promise what a runner cannot keep: they wake, watch or write to others only while one CLI process lives.
Waking and writing are the hive's here."""
JOIN_CGROUP = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
"""The CLI has to be in its cgroup before it runs anything, and only a process in between can move itself there."""


def command(launch: LaunchInstruction) -> list[str]:
    """The whole argument list. It is not the SDK's `user` option: that leaves group 0 and all capabilities."""
    words: list[str] = []
    if launch.cgroup is not None:
        words += ["/bin/sh", "-c", JOIN_CGROUP, launch.cgroup]
    if launch.uid is not None:
        words += ["setpriv", f"--reuid={launch.uid}", f"--regid={launch.uid}", "--clear-groups", "--no-new-privs"]
        words += ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--"]
    return [*words, launch.cli or bundled_cli(), *flags(launch)]


def flags(launch: LaunchInstruction) -> list[str]:
    """The CLI's flags: a long-lived process that speaks stream-json and loads nothing from its cwd."""
    servers: dict[str, Object] = {
        server.name: {
            "type": "stdio",
            "command": server.command,
            "args": server.arguments,
            "env": server.environment,
            "alwaysLoad": True,
        }
        for server in launch.mcp_servers
    }
    # Last: no other server can take its name.
    servers[TOOL_SERVER] = {"type": "sdk", "name": TOOL_SERVER, "alwaysLoad": True}
    words = ["--output-format=stream-json", "--input-format=stream-json", "--verbose", "--include-partial-messages"]
    words += ["--permission-mode=bypassPermissions", "--setting-sources="]
    words += ["--strict-mcp-config", "--mcp-config", json.dumps({"mcpServers": servers})]
    words.append(f"--disallowedTools={','.join(UNFIT_TOOLS)}")
    if launch.ask:
        words += ["--permission-prompt-tool=stdio", "--settings", json.dumps({"permissions": {"ask": launch.ask}})]
    if launch.system_prompt:
        words.append(f"--append-system-prompt={launch.system_prompt}")
    if launch.model is not None:
        # Without it a resumed conversation goes on with the model, but not the window, that it began with.
        words.append(f"--model={launch.model}")
    if launch.effort is not None:
        words.append(f"--effort={launch.effort}")
    # With `=`, because the value of `--resume` is optional: a separate word may be read as a flag.
    words.append(f"--resume={launch.session}" if launch.resume else f"--session-id={launch.session}")
    return words


def bundled_cli() -> str:
    """The CLI in the SDK's wheel, found without importing the SDK, which takes as long as the CLI's own start."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("claude_agent_sdk is not installed")
    return str(Path(spec.origin).parent / "_bundled" / "claude")
