"""The manager proposes, an operator decides, the worker comes back with it or runs as before."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

from tests.support.hive_host import Hive

PATIENCE = 90
REASON = "It should say so."


def ask(hive: Hive, agent: str, text: str) -> str:
    """What the agent answers."""
    reply = json.loads(hive.command("send", "--wait", "--json", agent, text).stdout)
    return str(reply["reply"]["body"] if "reply" in reply else reply["body"])


def use(hive: Hive, tool: str, **arguments: Any) -> str:
    """What the manager's model reads after it used a tool."""
    return ask(hive, "manager", f"call {tool} {json.dumps(arguments)}")


def propose(hive: Hive, config: str) -> str:
    """The manager commits a configuration of the worker and asks for it; the approval's id."""
    said = use(hive, "propose_config", name="worker", files={"agent.toml": config}, message="a change")
    sha = re.search(r"[0-9a-f]{40}", said)
    assert sha is not None, said
    asked = use(hive, "request_apply", name="worker", sha=sha[0], reason=REASON)
    approval = re.search(r"apr_\w+", asked)
    assert approval is not None, asked
    return approval[0]


def shown(hive: Hive, approval: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(hive.command("approvals", "show", approval, "--json").stdout)
    return found


def until(what: str, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what}: did not happen within {PATIENCE} s"
        time.sleep(0.2)


def told(hive: Hive, approval: str) -> str:
    """What the hive told the manager of it."""
    found = json.loads(hive.command("messages", "manager", "--json", "--limit", "100").stdout)["messages"]
    return "\n".join(m["body"] for m in found if m["sender"] == "hive" and approval in m["body"])


def configured(color: str, more: str = "") -> str:
    return f'model = "claude-sonnet-4-5"\ndrain_seconds = 20\n{more}\n[environment]\nCOLOR = "{color}"\n'


def test_an_approved_change_is_what_the_worker_runs_with(hive: Hive) -> None:
    approval = propose(hive, configured("blue"))
    assert approval in hive.command("approvals").stdout
    found = shown(hive, approval)
    assert '+COLOR = "blue"' in found["diff"]
    assert (found["approval"]["requested_by"], found["approval"]["reason"]) == ("manager", REASON)
    assert "blue" not in ask(hive, "worker", "run echo $COLOR")
    hive.command("approvals", "approve", approval, "--note", "go")
    assert shown(hive, approval)["approval"]["state"] == "deployed"
    assert "blue" in ask(hive, "worker", "run echo $COLOR")
    worker = next(a for a in hive.status()["agents"] if a["name"] == "worker")
    assert worker["model"] == "claude-sonnet-4-5"
    until("the manager is told", lambda: "carried out" in told(hive, approval))
    assert f"deployed/{approval}" in hive.command("config", "worker", "log").stdout


def test_a_change_that_does_not_work_is_taken_back_and_the_manager_gets_the_log(hive: Hive) -> None:
    hive.command("config", "worker", "edit", "--file", "/dev/null", "--yes")
    mount = '[[mounts]]\nsource = "/srv/nowhere"\ntarget = "/data"\n'
    approval = propose(hive, configured("red") + mount)
    assert "worker can read the machine's /srv/nowhere." in shown(hive, approval)["warnings"]
    done = hive.command("approvals", "approve", approval, check=False)
    assert done.returncode == 1
    assert "/srv/nowhere" in done.stderr
    failed = shown(hive, approval)["approval"]
    assert failed["state"] == "failed"
    assert "/srv/nowhere" in failed["error"]
    assert "red" not in ask(hive, "worker", "run echo $COLOR")
    assert hive.command("config", "worker").stdout.strip() == ""
    until("the manager is told", lambda: "/srv/nowhere" in told(hive, approval))


def test_core_may_die_while_it_deploys(hive: Hive) -> None:
    approval = propose(hive, configured("green"))
    hive.command("send", "worker", "wait 8 seconds then say done")
    until(
        "the worker works", lambda: "thinking" in {a["state"] for a in hive.status()["agents"] if a["name"] == "worker"}
    )
    hive.command("approvals", "approve", approval, "--no-wait")
    until("it drains", lambda: json.loads(hive.command("deploys", "--json").stdout)["jobs"][0]["step"] == "switch")
    hive.run("systemctl", "kill", "--signal=KILL", "--kill-who=main", "hive-core.service")
    until("core is back", lambda: hive.command("status", check=False).returncode == 0)
    until("it is deployed", lambda: shown(hive, approval)["approval"]["state"] == "deployed")
    assert "green" in ask(hive, "worker", "run echo $COLOR")
    bodies = hive.command("messages", "worker", "--limit", "100").stdout
    assert "done" in bodies, "the message that it worked on is answered"


def test_a_denial_reaches_the_manager_with_its_note(hive: Hive) -> None:
    approval = propose(hive, configured("mauve"))
    hive.command("approvals", "deny", approval, "--note", "Not mauve.")
    until("the manager is told", lambda: "Not mauve." in told(hive, approval))


def test_a_manager_can_restart_and_look_but_not_change(hive: Hive) -> None:
    assert "worker" in use(hive, "list_agents")
    assert "how it ends comes to you" in use(hive, "restart", name="worker")
    until("the manager is told", lambda: "worker is restarted" in hive.command("messages", "manager").stdout)
    assert "An operator decides" in use(hive, "request_destroy", name="worker", reason="It is idle.")
    assert "worker" in {a["name"] for a in hive.status()["agents"]}


def test_the_manager_s_tools_are_not_there_for_anybody_else(hive: Hive) -> None:
    answer = ask(hive, "worker", 'call request_destroy {"name": "manager", "reason": "x"}')
    assert "apr_" not in answer
    varlink = "\n".join(
        [
            "import json, socket",
            "s = socket.socket(socket.AF_UNIX)",
            "s.connect('/run/hive/core/core.sock')",
            "s.sendall(json.dumps({'method': 'org.hive.Manager.ListAgents', 'parameters': {}}).encode() + b'\\0')",
            "print(s.recv(4096))",
        ]
    )
    python = "/opt/hive/bin/python3"
    refused = hive.run_in(hive.machine("worker"), python, "-c", varlink, user="root").stdout
    assert "org.varlink.service" in refused, "there is no such interface on a worker's socket, even for its root"
    allowed = hive.run_in(hive.machine("manager"), python, "-c", varlink, user="root").stdout
    assert '"worker"' in allowed, "control: on a manager's there is"


def test_a_configured_server_gives_the_worker_its_tools(hive: Hive) -> None:
    lines = ("from mcp.server.mcpserver import MCPServer", "s = MCPServer('c')")
    lines += ("@s.tool()", "def half(n: int) -> int:", "  return n // 2", "s.run()")
    server = {"name": "calc", "command": "/opt/hive/bin/python3", "arguments": ["-I", "-c", "\n".join(lines)]}
    # TOML's basic strings and arrays are JSON's.
    keys = [f"{key} = {json.dumps(value)}" for key, value in server.items()]
    approval = propose(hive, "[[mcp_servers]]\n" + "\n".join(keys) + "\n")
    assert "worker runs /opt/hive/bin/python3 for its tools." in shown(hive, approval)["warnings"]
    hive.command("approvals", "approve", approval)
    # The CLI does not wait for a server that is slow to start: a first turn may be without its tools.
    until("it has the tool", lambda: "21" in ask(hive, "worker", 'call mcp__calc__half {"n": 42}'))
