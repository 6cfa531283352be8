"""The unit in which repositories of agents are read: what it sees, and what it cannot do, each with a control."""

from pathlib import Path

import pytest

from hive_core.build.sandbox import Errand
from hive_core.build.transient import command
from tests.support.hive_host import Host

SEEN = Path("/var/lib/hive/proposed")
SECRET = Path("/var/lib/hive/core/core.sqlite")


def errand(host: Host, script: str, *, sees: list[Path] | None = None, changes: list[Path] | None = None) -> str:
    """What a shell script says in the sandbox, with its exit code as the last line."""
    words = command(Errand(["/bin/sh", "-c", f"{script}; echo $?"], sees=sees or [], changes=changes or []))
    return host._run(words, check=False, stdin=None, limit=60).stdout


@pytest.fixture
def seen(host: Host) -> Host:
    host.run("mkdir", "-p", SEEN / "worker", SECRET.parent, "/var/lib/hive/applied/worker")
    host.run("tee", SEEN / "worker" / "agent.toml", stdin="theirs")
    host.run("chown", "-R", "agent", SEEN)
    host.run("chmod", "-R", "go=", SEEN)
    host.run("chown", "hive-build", "/var/lib/hive/applied/worker")
    return host


def test_the_walls(seen: Host) -> None:
    assert errand(seen, f"cat {SEEN}/worker/agent.toml", sees=[SEEN]) == "theirs0\n", "what it is to see it sees"
    assert "hive-build" in errand(seen, "id -un")
    # It sees nothing else of the state, whoever owns it and whatever links there are.
    assert "core" in seen.run("ls", "/var/lib/hive").stdout, "control"
    assert errand(seen, "ls /var/lib/hive", sees=[SEEN]) == "proposed\n0\n"
    seen.run("ln", "-s", SECRET, SEEN / "worker" / "link")
    seen.run("test", "-e", SEEN / "worker" / "link", check=False)
    assert errand(seen, f"cat {SEEN}/worker/link", sees=[SEEN]) == "1\n"
    # The sockets are gone.
    assert errand(seen, "ls /run/hive /run/dbus /run/systemd/private 2>/dev/null") == "2\n"
    # It can change what it is told to change, and nothing that it only sees.
    applied = Path("/var/lib/hive/applied/worker")
    assert errand(seen, f"touch {applied}/new", changes=[applied]) == "0\n"
    assert errand(seen, f"touch {SEEN}/worker/new 2>/dev/null", sees=[SEEN]) != "0\n"
    assert errand(seen, "touch /usr/x /etc/x /var/x 2>/dev/null") == "1\n"
    # There is no network, although the host has one.
    probe = "/opt/hive/bin/python3 -c 'import socket; socket.socket()' 2>/dev/null"
    assert errand(seen, probe) == "1\n"
    seen.run("/bin/sh", "-c", probe)
    # A file handle would lead past the mounts. The host itself may not open one (nspawn), but may make one.
    handle = (
        "import ctypes, os; l = ctypes.CDLL(None, use_errno=True); l.syscall(303, -1, 0, 0); print(ctypes.get_errno())"
    )
    assert errand(seen, f"/opt/hive/bin/python3 -c '{handle}'", sees=[SEEN]).startswith("1\n"), "EPERM by seccomp"
    assert seen.run("/opt/hive/bin/python3", "-c", handle).stdout != "1\n", "control"
    # What it has in memory is not dumped for a program of the machine's.
    assert errand(seen, "ulimit -Hc") == "0\n0\n"
    assert seen.run("/bin/sh", "-c", "ulimit -Hc").stdout != "0\n", "control"
    # Nothing is gained by a set-uid program, and no more than its memory is used.
    assert "NoNewPrivs:\t1" in errand(seen, "grep NoNewPrivs /proc/self/status")


def test_it_ends_when_its_time_is_over(host: Host) -> None:
    slow = Errand(["/bin/sh", "-c", "echo begun; sleep 600"], time_limit=2)
    done = host._run(command(slow), check=False, stdin=None, limit=60)
    assert done.stdout == "begun\n"
    assert done.returncode != 0
