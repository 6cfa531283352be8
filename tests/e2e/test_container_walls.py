"""What an agent cannot do from inside its container. Each attempt fails there, and succeeds where the wall is not."""

import json
import re
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hive_base.users import MODEL
from tests.support.hive_host import Hive

PYTHON = "/opt/hive/bin/python3"


def python(code: str) -> tuple[str, ...]:
    return (PYTHON, "-I", "-c", code)


CONNECT = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
print("connected")
"""
CONNECT_UNIX = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1])
print("connected")
"""
ASK_NAME = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)
s.sendto(b"who", ("127.0.0.1", int(sys.argv[1])))
print(s.recv(100).decode())
"""


@pytest.fixture(scope="module")
def worker(hive: Hive) -> str:
    return hive.machine("worker")


@pytest.fixture(scope="module")
def manager(hive: Hive) -> str:
    return hive.machine("manager")


def test_the_machines_network_is_not_there(hive: Hive, worker: str) -> None:
    port = str(hive.port)
    refused = hive.run_in(worker, *python(CONNECT), "127.0.0.1", port, check=False)
    assert refused.returncode != 0
    assert "ConnectionRefusedError" in refused.stderr
    assert "connected" in hive.run(*python(CONNECT), "127.0.0.1", port).stdout


def test_there_is_a_loopback_and_no_other_interface_and_no_route(hive: Hive, worker: str) -> None:
    interfaces = "import os; print(sorted(n for _, n in __import__('socket').if_nameindex()))"
    assert hive.run_in(worker, *python(interfaces)).stdout.strip() == "['lo']"
    assert "lo" in hive.run(*python(interfaces)).stdout
    assert hive.run(*python(interfaces)).stdout.strip() != "['lo']"
    routes = "print(len(open('/proc/net/route').readlines()) - 1)"
    assert hive.run_in(worker, *python(routes)).stdout.strip() == "0"


@contextmanager
def name_server() -> Iterator[int]:
    """Answers one kind of question on the machine's loopback, as a resolver there would."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                question, client = server.recvfrom(100)
                if question == b"end":
                    return
                server.sendto(b"a name", client)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", server.getsockname())
            thread.join()


def test_no_name_server_answers(hive: Hive, worker: str) -> None:
    with name_server() as port:
        assert hive.run_in(worker, *python(ASK_NAME), str(port), check=False).returncode != 0
        assert "a name" in hive.run(*python(ASK_NAME), str(port)).stdout
    resolve = "import socket; socket.getaddrinfo('example.com', 80)"
    failed = hive.run_in(worker, *python(resolve), check=False)
    assert failed.returncode != 0
    assert "gaierror" in failed.stderr


def test_cores_socket_is_closed_to_the_models_user_and_open_to_the_harness(hive: Hive, worker: str) -> None:
    attempt = (*python(CONNECT_UNIX), "/run/hive/core/core.sock")
    denied = hive.run_in(worker, *attempt, check=False)
    assert "PermissionError" in denied.stderr
    assert "connected" in hive.run_in(worker, *attempt, user="root").stdout


def test_the_only_sockets_of_the_hive_in_there_are_the_agents_own(hive: Hive, worker: str) -> None:
    listing = hive.run_in(worker, "find", "/run/hive", "-type", "s", user="root").stdout.split()
    assert sorted(listing) == [
        "/run/hive/core/core.sock",
        "/run/hive/gateway/egress.sock",
        "/run/hive/gateway/gateway.sock",
    ]
    everywhere = hive.run("find", "/run/hive", "-type", "s").stdout
    assert "/run/hive/operator.sock" in everywhere
    assert "/run/hive/agents/manager/core/core.sock" in everywhere


def test_the_sockets_of_the_runner_and_the_gateway_are_closed_to_the_models_user(hive: Hive, worker: str) -> None:
    for path in ("gateway/gateway.sock", "gateway/egress.sock", "../hive-agent/harness.sock"):
        attempt = (*python(CONNECT_UNIX), f"/run/hive/{path}")
        assert "PermissionError" in hive.run_in(worker, *attempt, check=False).stderr
        assert "connected" in hive.run_in(worker, *attempt, user="root").stdout


def test_the_harness_files_are_closed_to_the_models_user(hive: Hive, worker: str) -> None:
    for command in (("ls", "/agents/worker/harness"), ("touch", "/agents/worker/harness/mine")):
        denied = hive.run_in(worker, *command, check=False)
        assert "Permission denied" in denied.stderr
    assert hive.run_in(worker, "ls", "/agents/worker/harness", user="root").returncode == 0
    hive.run_in(worker, "touch", "/agents/worker/state/mine")
    hive.run_in(worker, "rm", "/agents/worker/state/mine")


def test_the_harness_process_cannot_be_read_or_signalled_by_the_models_user(hive: Hive, worker: str) -> None:
    pid = hive.run_in(
        worker, "systemctl", "show", "--value", "--property=MainPID", "hive-agent.service", user="root"
    ).stdout.strip()
    for name in ("environ", "mem", "root", "fd"):
        attempt = python(LOOK)
        path = f"/proc/{pid}/{name}"
        assert "PermissionError" in hive.run_in(worker, *attempt, path, check=False).stderr
        assert hive.run_in(worker, *attempt, path, user="root").returncode == 0
    assert "PermissionError" in hive.run_in(worker, *python(f"import os; os.kill({pid}, 0)"), check=False).stderr
    hive.run_in(worker, *python(f"import os; os.kill({pid}, 0)"), user="root")


def test_nothing_of_the_host_is_mounted_but_usr_and_hives_own(hive: Hive, worker: str) -> None:
    mounts = hive.run_in(worker, "cat", "/proc/self/mountinfo", user="root").stdout
    pseudo = {"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2", "cgroup", "devtmpfs", "autofs", "bpf", "ramfs"}
    real = {line.split()[4] for line in mounts.splitlines() if line.split(" - ")[1].split()[0] not in pseudo}
    assert real == {
        "/",
        "/usr",
        "/opt/hive",
        "/etc/ssl",
        "/etc/alternatives",
        "/run/hive/core",
        "/run/hive/gateway",
        "/agents/worker/state",
        "/agents/worker/harness",
        "/agents/worker/claude",
        "/shared",
        "/shared/worker",
    } | {path for path in real if path.startswith("/run/host")}
    assert {path for path in real if path.startswith("/run/host")} <= {"/run/host/incoming", "/run/host/os-release"}


def test_what_is_the_hosts_cannot_be_written(hive: Hive, worker: str) -> None:
    for path in (
        "/usr/mine",
        "/opt/hive/mine",
        "/etc/ssl/mine",
        "/shared/mine",
        # A link in place of a socket would be followed by whoever makes the next one, as the host's root.
        "/run/hive/core/mine",
        "/run/hive/gateway/mine",
    ):
        # Not even by the container's root.
        assert hive.run_in(worker, "touch", path, user="root", check=False).returncode != 0
    hive.run_in(worker, "touch", "/shared/worker/mine")
    hive.run_in(worker, "rm", "/shared/worker/mine")


def test_a_file_in_shared_is_read_by_all_and_written_by_its_writer_only(hive: Hive, worker: str, manager: str) -> None:
    note = f"/shared/worker/{uuid.uuid4().hex}"
    hive.run_in(worker, "tee", note, stdin="from worker")
    assert hive.run_in(manager, "cat", note).stdout == "from worker"
    for user in ("agent", "root"):
        assert hive.run_in(manager, "tee", note, stdin="forged", user=user, check=False).returncode != 0
        assert hive.run_in(manager, "rm", "-f", note, user=user, check=False).returncode != 0
    assert hive.run_in(worker, "cat", note).stdout == "from worker"
    hive.run_in(worker, "tee", note, stdin="changed")
    assert hive.run_in(manager, "cat", note).stdout == "changed"
    hive.run_in(worker, "rm", note)


def test_the_containers_root_is_nobody_outside(hive: Hive, worker: str) -> None:
    harness = hive.run_in(worker, "cat", "/proc/self/uid_map", user="root").stdout.split()
    assert int(harness[1]) >= 65536
    assert hive.run("cat", "/proc/self/uid_map").stdout.split()[1] == "0"


LOOK = """
import os, sys
path = sys.argv[1]
os.listdir(path) if path.endswith(("fd", "root")) else open(path, "rb")
"""
SETUID = "import os, shutil, sys; shutil.copy('/usr/bin/id', sys.argv[1]); os.chmod(sys.argv[1], 0o4755)"


def test_a_setuid_file_left_by_the_containers_root_gives_nobody_on_the_host_anything(hive: Hive, worker: str) -> None:
    hive.run_in(worker, *python(SETUID), "/agents/worker/state/id", user="root")
    inside = "/var/lib/hive/agents/worker/state/id"
    try:
        # It is there, it is root's and setuid: the id-mapped bind really lets that happen.
        assert hive.run("stat", "--format=%u %a", inside).stdout.strip() == "0 4755"
        # First wall: nobody gets into the directory.
        assert hive.run(inside, "-u", user="nobody", check=False).returncode != 0
        # Second wall, by itself: for somebody who has a descriptor of it all the same, it is a plain file.
        opened = f"""
import os
d = os.open({inside!r}, os.O_PATH)
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
os.execv(f"/proc/self/fd/{{d}}", ["id", "-u"])
"""
        assert hive.run(*python(opened)).stdout.strip() == "65534"
        # The control: the same file where no wall stands makes its caller root.
        hive.run(*python(SETUID), "/var/tmp/id")
        assert hive.run(*python(opened.replace(inside, "/var/tmp/id"))).stdout.strip() == "0"
    finally:
        hive.run("rm", "-f", inside, "/var/tmp/id")


def test_the_models_user_is_reserved_and_the_same_everywhere(hive: Hive, worker: str, manager: str) -> None:
    for machine in (worker, manager):
        assert hive.run_in(machine, "id", "-u").stdout.strip() == str(MODEL.uid)
    assert hive.run("stat", "--format=%u", "/var/lib/hive/agents/worker/state").stdout.strip() == str(MODEL.uid)


def test_the_models_tools_run_without_any_privilege(hive: Hive) -> None:
    """As the model itself would: a turn in which the CLI runs a command."""
    said = hive.command("send", "worker", "run `cat /proc/self/status`", "--wait").stdout
    fields = dict(re.findall(r"(Uid|Gid|CapEff|CapBnd|NoNewPrivs):\t(.+)", said))
    assert set(fields["Uid"].split()) == set(fields["Gid"].split()) == {str(MODEL.uid)}
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"


def test_the_models_environment_has_nothing_of_systemds_or_the_harness(hive: Hive) -> None:
    said = hive.command("send", "worker", "run `env`", "--wait").stdout
    assert "ANTHROPIC_BASE_URL" in said
    for name in ("NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "INVOCATION_ID", "HIVE_AGENT"):
        assert name not in said


def priority_of(hive: Hive, text: str) -> str:
    hive.run("journalctl", "--sync")
    lines = hive.run("journalctl", "--quiet", "--output=json", "--output-fields=MESSAGE,PRIORITY").stdout.splitlines()
    return next(entry["PRIORITY"] for entry in map(json.loads, lines) if entry["MESSAGE"] in (text, f"<0>{text}"))


def test_a_container_cannot_write_to_the_terminals_of_the_hosts_users(hive: Hive, worker: str) -> None:
    """journald shows what is of level 0, an emergency, to everybody who is logged in."""
    said = uuid.uuid4().hex
    hive.run_in(worker, "sh", "-c", f"echo '<0>{said}' > /dev/console", user="root")
    assert priority_of(hive, said) == "6"
    control = uuid.uuid4().hex
    hive.run("systemd-run", "--quiet", "--wait", "--collect", "sh", "-c", f"echo '<0>{control}'")
    assert priority_of(hive, control) == "0"


FLOOD = """
import os
console = os.open("/dev/console", os.O_WRONLY | os.O_NOCTTY)
for number in range(5000):
    os.write(console, b"flood %d\\n" % number)
"""


def test_a_container_cannot_push_out_what_others_have_logged(hive: Hive, manager: str) -> None:
    hive.run_in(manager, *python(FLOOD), user="root")
    hive.run("journalctl", "--sync")
    assert "flood 0" in hive.journal(f"container@{manager}.service")
    assert hive.journal(f"container@{manager}.service").count("flood ") < 2000
    # The control: the host's own programs may log more.
    hive.run("systemd-run", "--quiet", "--wait", "--collect", "--unit=flood", "seq", "--format=flood %g", "5000")
    hive.run("journalctl", "--sync")
    assert hive.journal("flood.service").count("flood ") >= 5000
