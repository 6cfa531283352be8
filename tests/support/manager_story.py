"""A manager proposes, an operator decides, the worker has it or runs as before: in either kind of container.

All of it goes through the real command line, harness and CLI; the model is the stand-in, told what to call.
"""

import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from hive_base.paths import StatePaths
from hive_rpc.configuration import JobState, JobStep
from tests.support.hive_host import Host
from tests.support.patience import until

REASON = "It should say so."
MODEL = "claude-sonnet-4-5"


def ask(hive: Host, agent: str, text: str) -> str:
    """What the agent answers."""
    reply = json.loads(hive.command("send", "--wait", "--json", agent, text).stdout)
    return str(reply["reply"]["body"] if "reply" in reply else reply["body"])


def color(hive: Host) -> str:
    """What the worker's configuration says, as its model's tools have it."""
    said = ask(hive, "worker", "run echo It is $COLOR.")
    found = re.search(r"It is ([\w-]*)\.", said)
    assert found is not None, said
    return found[1]


def use(hive: Host, tool: str, **arguments: Any) -> str:
    """What the manager's model reads after it used a tool."""
    return ask(hive, "manager", f"call {tool} {json.dumps(arguments)}")


def propose(hive: Host, config: str) -> str:
    """The manager commits a configuration of the worker and asks for it; the approval's id."""
    said = use(hive, "propose_config", name="worker", files={"agent.toml": config}, message="a change")
    sha = re.search(r"[0-9a-f]{40}", said)
    assert sha is not None, said
    asked = use(hive, "request_apply", name="worker", sha=sha[0], reason=REASON)
    approval = re.search(r"apr_\w+", asked)
    assert approval is not None, asked
    return approval[0]


def shown(hive: Host, approval: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(hive.command("approvals", "show", approval, "--json").stdout)
    return found


def told(hive: Host, approval: str) -> list[str]:
    """What the hive told the manager of it."""
    return [m["body"] for m in hive.messages("manager") if m["sender"] == "hive" and approval in m["body"]]


def configured(new: str, more: str = "") -> str:
    """An `agent.toml`; `more` is what the environment has besides, and tables after it."""
    return f'model = "{MODEL}"\ndrain_seconds = 20\n\n[environment]\nCOLOR = "{new}"\n{more}'


def a_change_is_what_the_worker_runs_with(hive: Host) -> None:
    approval = propose(hive, configured("blue"))
    assert approval in hive.command("approvals").stdout
    found = shown(hive, approval)
    assert '+COLOR = "blue"' in found["diff"]
    assert (found["approval"]["requested_by"], found["approval"]["reason"]) == ("manager", REASON)
    assert color(hive) != "blue"
    hive.command("approvals", "approve", approval, "--note", "go")
    assert shown(hive, approval)["approval"]["state"] == "deployed"
    assert color(hive) == "blue"
    assert hive.agent("worker")["model"] == MODEL
    until("the manager is told", lambda: told(hive, approval) != [])
    assert "carried out" in told(hive, approval)[0]
    assert f"deployed/{approval}" in hive.command("config", "worker", "log").stdout


def a_broken_one_is_taken_back(hive: Host, broken: str, why: str) -> None:
    """`broken` is what cannot be switched to, as `configured` takes it, and `why` what is said of it."""
    before = color(hive)
    running = hive.command("config", "worker").stdout
    approval = propose(hive, configured("red", broken))
    done = hive.command("approvals", "approve", approval, check=False)
    assert done.returncode == 1
    assert why in done.stderr
    failed = shown(hive, approval)["approval"]
    assert failed["state"] == "failed"
    assert why in failed["error"]
    assert color(hive) == before
    assert hive.command("config", "worker").stdout == running
    until("the manager is told", lambda: told(hive, approval) != [])
    said, _, log = told(hive, approval)[0].partition("The log:")
    assert why in said
    assert "Draining worker" in log
    assert "again" in log


def core_may_be_killed(hive: Host, step: JobStep, new: str, broken: str) -> None:
    """While the worker has a message in work, and its deploy is in this step. The deploy ends, and so does the turn."""
    fails = step is JobStep.ROLL_BACK
    before = color(hive)
    approval = propose(hive, configured(new, broken if fails else ""))
    answer = f"done with {new}"
    hive.command("send", "worker", f"wait 3 seconds then say {answer}")
    until("the worker works", lambda: bool(hive.agent("worker")["state"] == "thinking"))
    with ThreadPoolExecutor() as others:
        # Core may die before it has answered.
        others.submit(hive.command, "approvals", "approve", approval, "--no-wait", check=False)
        _kill_core(hive, approval, step)
    until("core is back", hive.answers)
    state = "failed" if fails else "deployed"
    until("it ends", lambda: shown(hive, approval)["approval"]["state"] not in ("approved", "running"))
    assert shown(hive, approval)["approval"]["state"] == state
    assert color(hive) == (before if fails else new)
    until("it is answered", lambda: answer in _said_by_worker(hive))
    assert len(told(hive, approval)) == 1, "and the manager is told once"


def _said_by_worker(hive: Host) -> str:
    return "\n".join(m["body"] for m in hive.messages("worker") if m["sender"] == "worker")


def _kill_core(hive: Host, approval: str, step: JobStep) -> None:
    """As soon as the disk says that the job is in this step, which it is for as long as a program of core's runs."""
    core = hive.property("hive-core.service", "MainPID")
    path = StatePaths(hive.state.lib).core_database
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:

        def now() -> tuple[str, str] | None:
            row: tuple[str, str] | None = database.execute(
                "SELECT state, step FROM jobs WHERE approval = ?", (approval,)
            ).fetchone()
            return row

        until(f"the job is at {step}", lambda: now() == (JobState.RUNNING, step), pause=0.001)
        hive.kill(core)
        assert now() == (JobState.RUNNING, step), "it died in the midst of it"
