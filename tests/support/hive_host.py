"""A hive host, and a whole hive, as tests see them from the machine around."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hive_base.paths import RunPaths
from hive_base.process import BASE_ENVIRONMENT
from hive_cli.up.cgroups import Cgroups
from hive_cli.up.launch import launch
from hive_cli.up.protocol import LaunchRequest
from hive_cli.up.state import HostRecord, State
from hive_cli.up.stop import stop
from hive_rpc.client import connect
from hive_rpc.errors import UnavailableError
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.messages import MessagesRequest
from hive_rpc.interfaces.operator.request import OperatorRequest
from tests.support import forked
from tests.support.patience import until

T = TypeVar("T")

HIVE = Path(sys.prefix) / "bin" / "hive"


@contextmanager
def booted(root: Path) -> Iterator[State]:
    """A hive host for more than one test, from this directory."""
    if os.geteuid() != 0:
        pytest.skip("containers need root")
    state = State(root / "hive")
    try:
        assert asyncio.run(launch(LaunchRequest(state=state.root, port=free_port())))
        yield state
    finally:
        asyncio.run(stop(state))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Host:
    """A hive host that runs: `hive up` booted it from this state directory."""

    state: State

    @property
    def record(self) -> HostRecord:
        record = self.state.read_record()
        assert record is not None, f"no hive runs in {self.state.root}"
        return record

    @property
    def leader(self) -> int:
        """The pid of the host's PID 1, as this machine counts."""
        assert self.record.leader is not None
        return self.record.leader

    @property
    def cgroups(self) -> Cgroups:
        return Cgroups(self.record.cgroups)

    @property
    def run_paths(self) -> RunPaths:
        """The hive's sockets, as seen from this machine."""
        return RunPaths(self.state.run)

    def run(
        self, *command: str | Path, user: str = "root", check: bool = True, stdin: str | None = None, limit: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program on the hive host, as a transient unit of its systemd."""
        return self._run([*self._as_unit(user), *command], check=check, stdin=stdin, limit=limit)

    def run_in(
        self,
        agent_machine: str,
        *command: str | Path,
        user: str = "agent",
        check: bool = True,
        stdin: str | None = None,
        limit: float = 60,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program in a nested container (`h-worker`), as a user of that container."""
        words = [*self._as_unit(user, f"--machine={agent_machine}"), *command]
        return self._run(words, check=check, stdin=stdin, limit=limit)

    def journal(self, unit: str) -> str:
        """What a unit of the host has written."""
        return self._run(
            ["journalctl", f"--unit={unit}", "--output=cat", "--no-pager", "--quiet"], check=True, stdin=None, limit=30
        ).stdout

    def property(self, unit: str, name: str) -> str:
        """A property of a unit of the host, as `systemctl show` prints it."""
        words: list[str | Path] = ["systemctl", "show", "--value", f"--property={name}", unit]
        return self._run(words, check=True, stdin=None, limit=30).stdout.strip()

    def kill(self, pid: str) -> None:
        """SIGKILL for a process of the host, as its systemd counts."""
        self._run(["kill", "-KILL", pid], check=True, stdin=None, limit=30)

    def command(self, *arguments: str, check: bool = True, limit: float = 120) -> "subprocess.CompletedProcess[str]":
        """`hive` with these arguments, for this hive."""
        return hive_command(*arguments, "--state", str(self.state.root), check=check, limit=limit)

    def asked(self, call: Callable[[Operator], Awaitable[T]]) -> T:
        """What core answers an operator.

        Tests ask over and over until something has happened, and the program takes a third of a second of a processor
        each time, which what they wait for would lack.
        """

        async def ask() -> T:
            async with connect(self.run_paths.operator_socket) as client:
                return await call(client.proxy(Operator))

        # A loop may run in this thread.
        with ThreadPoolExecutor(1) as other:
            return other.submit(asyncio.run, ask()).result()

    def status(self) -> dict[str, Any]:
        """What `hive status --json` prints."""
        return self.asked(lambda core: core.status(OperatorRequest())).model_dump(mode="json")

    def answers(self) -> bool:
        """Whether core is there."""
        try:
            self.status()
        except UnavailableError:
            return False
        return True

    def messages(self, agent: str) -> list[dict[str, Any]]:
        """The newest hundred that an agent sent or received, as `hive messages --json` prints them."""
        request = MessagesRequest(agent=agent, limit=100)
        reply = self.asked(lambda core: core.messages(request))
        return [message.model_dump(mode="json") for message in reply.messages]

    def agent(self, name: str) -> dict[str, Any]:
        """What the status says of an agent."""
        found: dict[str, Any] = next(agent for agent in self.status()["agents"] if agent["name"] == name)
        return found

    def becomes(self, agent: str, state: str) -> dict[str, Any]:
        """What the status says of an agent, once it is in this state."""

        def arrived() -> dict[str, Any] | None:
            found = self.agent(agent)
            return found if found["state"] == state else None

        return until(f"{agent} is {state}", arrived)

    def machine(self, agent: str) -> str:
        """The name of an agent's machine, for `run_in`."""
        return str(self.agent(agent)["machine"])

    @staticmethod
    def _as_unit(user: str, *where: str) -> list[str | Path]:
        return ["systemd-run", *where, "--quiet", "--pipe", "--wait", "--collect", f"--uid={user}", "--"]

    def _run(
        self, command: list[str | Path], *, check: bool, stdin: str | None, limit: float
    ) -> "subprocess.CompletedProcess[str]":
        # Every namespace: without the user namespace D-Bus would not know who calls.
        words = ["nsenter", f"--target={self.leader}", "--all", "--", *map(str, command)]
        done = subprocess.run(
            words,
            env=dict(BASE_ENVIRONMENT),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=limit,
        )
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done


@dataclass(frozen=True)
class Hive(Host):
    """A whole hive: the host, core, the gateway with the stand-in model, the dashboard, a manager and a worker."""

    port: int
    sign_in: str
    """A one-time link, not used yet. `hive_command("operator", "invite", …)` makes others."""

    @property
    def url(self) -> str:
        """The dashboard's address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def state_directory(self) -> Path:
        return self.state.root


def hive_command(
    *arguments: str, check: bool = True, limit: float = 300, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run the installed `hive` with nothing of this process's environment: no key, no state directory by accident."""
    run = _installed if arguments[0] in ("up", "down") else forked.hive
    done = run(arguments, {**BASE_ENVIRONMENT, **(environment or {})}, limit=limit)
    assert not check or done.returncode == 0, f"hive {arguments} ended with {done.returncode}: {done.stderr}"
    return done


def _installed(
    arguments: tuple[str, ...], environment: Mapping[str, str], *, limit: float
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(HIVE), *arguments],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit,
    )
