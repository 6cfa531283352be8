"""The manager proposes, an operator decides, the worker comes back with it or runs as before."""

import json

import pytest

from hive_rpc.configuration import JobStep
from tests.support import manager_story
from tests.support.hive_host import Hive
from tests.support.manager_story import ask, configured, propose, shown, told, use
from tests.support.patience import until

BROKEN = '[[mounts]]\nsource = "/srv/nowhere"\ntarget = "/data"\n'


def test_an_approved_change_is_what_the_worker_runs_with(hive: Hive) -> None:
    manager_story.a_change_is_what_the_worker_runs_with(hive)


def test_a_change_that_does_not_work_is_taken_back_and_the_manager_gets_the_log(hive: Hive) -> None:
    manager_story.a_broken_one_is_taken_back(hive, BROKEN, "/srv/nowhere")


@pytest.mark.parametrize("step", [step for step in JobStep if step is not JobStep.BUILD])
def test_core_may_be_killed_in_each_step_of_a_deploy(hive: Hive, step: JobStep) -> None:
    """Nothing is built for a stateless container; tests/integration/test_nixos_containers.py has the others."""
    manager_story.core_may_be_killed(hive, step, f"green-{step}", BROKEN)


def test_what_a_change_lets_the_worker_read_is_said_before_anybody_decides(hive: Hive) -> None:
    approval = propose(hive, configured("pink", BROKEN))
    assert "worker can read the machine's /srv/nowhere." in shown(hive, approval)["warnings"]
    hive.command("approvals", "deny", approval)


def test_a_denial_reaches_the_manager_with_its_note(hive: Hive) -> None:
    approval = propose(hive, configured("mauve"))
    hive.command("approvals", "deny", approval, "--note", "Not mauve.")
    until("the manager is told", lambda: "Not mauve." in "".join(told(hive, approval)))


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
