"""Kill any part in the middle of a turn: nothing is lost, nothing comes twice unmarked, and all is well again."""

import json
import uuid
from typing import Any

from hive_rpc.types import AgentState
from tests.support.hive_host import Hive
from tests.support.patience import SECONDS, until

SLOW = "wait 4 seconds and then say "


def send(hive: Hive, body: str, to: str = "worker") -> str:
    sent: dict[str, str] = json.loads(hive.command("send", to, body, "--json").stdout)
    return sent["id"]


def thinking(hive: Hive) -> bool:
    return bool(hive.agent("worker")["state"] == AgentState.THINKING)


def replies(hive: Hive, message: str) -> list[dict[str, Any]]:
    return [m for m in hive.messages("worker") if m["in_reply_to"] == message and m["sender"] == "worker"]


def settled(hive: Hive) -> bool:
    now = hive.agent("worker")
    return bool(now["state"] == AgentState.IDLE and now["unread"] == 0)


def running(hive: Hive) -> int:
    stats: dict[str, Any] = json.loads(hive.command("stats", "worker", "--json").stdout)
    return int(stats["total"]["running"])


def slow_turn(hive: Hive) -> tuple[str, str]:
    """A message whose turn runs for some seconds, and runs now."""
    until("the worker is idle", lambda: settled(hive))
    word = uuid.uuid4().hex
    message = send(hive, SLOW + word)
    until("the turn runs", lambda: thinking(hive))
    return message, word


def pid_of(hive: Hive, unit: str) -> str:
    return hive.property(unit, "MainPID")


def test_a_turn_outlives_core(hive: Hive) -> None:
    harness = hive.agent("worker")
    container = pid_of(hive, f"container@{harness['machine']}.service")
    message, word = slow_turn(hive)
    core = pid_of(hive, "hive-core.service")
    hive.run("kill", "-9", core)
    until("core is back", hive.answers)
    assert pid_of(hive, "hive-core.service") != core
    answer = until("the reply arrives", lambda: replies(hive, message))
    until("the worker is idle", lambda: settled(hive))
    assert len(answer) == len(replies(hive, message)) == 1
    assert word in answer[0]["body"]
    assert pid_of(hive, f"container@{harness['machine']}.service") == container
    delivered = [m for m in hive.messages("worker") if m["id"] == message]
    assert [m["redelivered"] for m in delivered] == [False]


def test_a_message_whose_harness_was_killed_is_delivered_again_and_says_so(hive: Hive) -> None:
    message, word = slow_turn(hive)
    until("core was told of the turn", lambda: running(hive) == 1)
    machine = hive.agent("worker")["machine"]
    hive.run_in(machine, "systemctl", "kill", "--signal=KILL", "hive-agent.service", user="root")
    answer = until("the reply arrives", lambda: replies(hive, message))
    until("the worker is idle", lambda: settled(hive))
    assert len(replies(hive, message)) == 1
    assert word in answer[0]["body"]
    delivered = [m for m in hive.messages("worker") if m["id"] == message]
    assert [(m["redelivered"], m["attempts"]) for m in delivered] == [(True, 1)]
    until("no turn is left running", lambda: running(hive) == 0)


def test_a_container_that_is_killed_is_seen_and_started_again_with_its_message(hive: Hive) -> None:
    message, word = slow_turn(hive)
    machine = hive.agent("worker")["machine"]
    unit = f"container@{machine}.service"
    before = pid_of(hive, unit)
    hive.run("kill", "-9", before)
    until("the death is seen", lambda: not thinking(hive))
    answer = until("the reply arrives", lambda: replies(hive, message))
    until("the worker is idle", lambda: settled(hive))
    until("no turn is left running", lambda: running(hive) == 0)
    assert pid_of(hive, unit) not in {"0", before}
    assert len(replies(hive, message)) == 1
    assert word in answer[0]["body"]


def test_a_new_gateway_serves_the_same_containers(hive: Hive) -> None:
    until("the worker is idle", lambda: settled(hive))
    before = pid_of(hive, "hive-gateway.service")
    hive.run("systemctl", "restart", "hive-gateway.service")
    assert pid_of(hive, "hive-gateway.service") != before
    word = uuid.uuid4().hex
    assert word in hive.command("send", "worker", f"say {word}", "--wait", limit=SECONDS).stdout


def test_a_turn_outlives_a_killed_gateway(hive: Hive) -> None:
    message, word = slow_turn(hive)
    hive.run("kill", "-9", pid_of(hive, "hive-gateway.service"))
    answer = until("the reply arrives", lambda: replies(hive, message))
    assert word in answer[0]["body"]
    until("the worker is idle", lambda: settled(hive))
    assert len(replies(hive, message)) == 1


def test_stop_finishes_the_turn_first_and_start_brings_the_agent_back(hive: Hive) -> None:
    message, word = slow_turn(hive)
    hive.command("stop", "worker")
    assert hive.agent("worker")["state"] == AgentState.STOPPED
    assert [word in m["body"] for m in replies(hive, message)] == [True]
    later = send(hive, "say " + word)
    assert hive.agent("worker")["unread"] == 1
    hive.command("start", "worker")
    until("what came meanwhile is answered", lambda: replies(hive, later))


def test_spawn_and_destroy(hive: Hive) -> None:
    name = "temporary-colleague"
    hive.command("spawn", name)
    try:
        machine = hive.agent(name)["machine"]
        assert len(machine) <= 11
        assert "42" in hive.command("send", name, "what is 6*7?", "--wait", limit=SECONDS).stdout
        again = hive.command("spawn", name, check=False)
        assert again.returncode == 1
        assert name in again.stderr
    finally:
        hive.command("destroy", name, "--purge", "--yes")
    assert name not in {a["name"] for a in hive.status()["agents"]}
    assert hive.run("test", "-e", f"/var/lib/hive/agents/{name}", check=False).returncode != 0
    assert hive.run("test", "-e", f"/var/lib/hive/images/agent-{name}.img", check=False).returncode != 0
