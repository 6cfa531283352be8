"""Secrets by name, and tools of which an operator is asked: from the file and the shell to the model's own command."""

import json
import re

import pytest

from tests.support.hive_host import Hive
from tests.support.manager_story import ask, propose, shown
from tests.support.patience import until

VALUE = "correct-horse-battery"


@pytest.fixture
def secret(hive: Hive) -> str:
    """The name of one that is there."""
    (hive.state.secrets / "forge").write_text(f"{VALUE}\n")
    (hive.state.secrets / "forge").chmod(0o600)
    return "forge"


def test_a_secret_is_named_in_the_configuration_and_has_its_value_in_the_container_alone(
    hive: Hive, secret: str
) -> None:
    approval = propose(hive, f'[secrets]\nFORGE_TOKEN = "{secret}"\n')
    assert "worker gets the secret forge as FORGE_TOKEN." in shown(hive, approval)["warnings"]
    hive.command("approvals", "approve", approval)
    assert "21 characters" in ask(hive, "worker", 'run echo "${#FORGE_TOKEN} characters"')
    machine = hive.machine("worker")
    conf = hive.run("cat", f"/etc/nixos-containers/{machine}.conf").stdout
    assert f"--load-credential=hive.{secret}:" in conf
    assert VALUE not in conf
    assert VALUE not in hive.run("ps", "axww", "-o", "args").stdout
    assert VALUE not in hive.run("systemctl", "show", f"container@{machine}.service").stdout
    for unit in (f"container@{machine}.service", "hive-core.service"):
        assert VALUE not in hive.journal(unit)
    kept = f"grep -c {VALUE} /var/lib/hive/core/*.sqlite* | cut -d: -f2 | sort -u"
    assert hive.run("sh", "-c", kept).stdout == "0\n"
    assert f"{VALUE}!" in ask(hive, "worker", 'run echo "$FORGE_TOKEN!"'), "control: it is there"
    assert hive.run("sh", "-c", kept).stdout != "0\n", "control: what the model says itself is a message like any other"
    # Another agent has none of it, and the model cannot read where it came from.
    assert VALUE not in ask(hive, "manager", "run cat /run/host/credentials/hive.forge; echo $FORGE_TOKEN")
    assert "Permission denied" in ask(hive, "worker", "run cat /run/host/credentials/hive.forge 2>&1")


def test_a_secret_that_is_not_there_is_missed_before_anybody_is_asked(hive: Hive) -> None:
    asked = ask(
        hive,
        "manager",
        "call propose_config "
        + json.dumps({"name": "worker", "files": {"agent.toml": '[secrets]\nX = "nowhere"\n'}, "message": "x"}),
    )
    sha = re.search(r"[0-9a-f]{40}", asked)
    assert sha is not None, asked
    arguments = json.dumps({"name": "worker", "sha": sha[0], "reason": "x"})
    assert "There is no secret nowhere" in ask(hive, "manager", f"call request_apply {arguments}")


def test_an_operator_is_asked_before_the_model_uses_what_the_configuration_says(hive: Hive) -> None:
    hive.command("approvals", "approve", propose(hive, '[tools]\nask = ["Bash(touch *)"]\n'))
    hive.command("send", "worker", "run touch here && echo it is here")

    def question() -> str:
        found = json.loads(hive.command("questions", "--json").stdout)["questions"]
        return next((q["id"] for q in found if q["asker"] == "worker" and "May I use Bash?" in q["question"]), "")

    until("the operator is asked", lambda: question() != "")
    worker = next(a for a in hive.status()["agents"] if a["name"] == "worker")
    assert (worker["state"], "may use Bash" in worker["reason"]) == ("thinking", True)
    machine = hive.machine("worker")
    assert hive.run_in(machine, "test", "-e", "/agents/worker/state/here", check=False).returncode == 1
    hive.run("systemctl", "kill", "--signal=KILL", "--kill-who=main", "hive-core.service")
    until("core is back", hive.answers)
    hive.command("questions", "answer", question(), "--choose", "Allow")
    until(
        "it is done",
        lambda: hive.run_in(machine, "test", "-e", "/agents/worker/state/here", check=False).returncode == 0,
    )
    hive.command("config", "worker", "edit", "--file", "/dev/null", "--yes")
