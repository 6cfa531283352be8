"""With an API key configured: the gateway has it, turns work with it, and it is nowhere in a container."""

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hive_cli.up.state import State
from tests.support.hive_host import Hive, free_port, hive_command

SEARCH = r"""
import os, re, sys
# The needle comes as hex, so that whoever merely passes it on does not hold it.
needle = bytes.fromhex(sys.argv[1])
only = sys.argv[2:]
found = []

def processes():
    for pid in only or [p for p in os.listdir("/proc") if p.isdigit()]:
        if int(pid) == os.getpid():
            continue
        for name in ("environ", "cmdline"):
            try:
                if needle in open(f"/proc/{pid}/{name}", "rb").read():
                    found.append(f"{name} of {pid}")
            except OSError:
                pass
        try:
            with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
                for line in maps:
                    span = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                    if not span:
                        continue
                    start, end = (int(x, 16) for x in span.groups())
                    # The CLI reserves address space by the gigabyte; only what is in memory can hold anything.
                    for at in range(start, min(end, start + (256 << 20)), 1 << 20):
                        try:
                            if needle in os.pread(memory.fileno(), (1 << 20) + len(needle), at):
                                found.append(f"memory of {pid}")
                        except OSError:
                            pass
        except OSError:
            pass

def files():
    for top in [] if only else ["/agents", "/etc", "/home", "/root", "/run", "/shared", "/tmp", "/var"]:
        for directory, _, names in os.walk(top):
            for name in names:
                path = os.path.join(directory, name)
                try:
                    if os.path.isfile(path) and needle in open(path, "rb").read():
                        found.append(path)
                except OSError:
                    pass

processes()
files()
print(sorted(set(found)))
"""


@pytest.fixture(scope="module")
def key() -> str:
    return "sk-ant-api03-" + secrets.token_hex(24)


@pytest.fixture(scope="module")
def keyed_hive(key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    """A hive of its own whose API is the stand-in, alone on the machine's loopback, behind a key."""
    directory = tmp_path_factory.mktemp("keyed")
    key_file = directory / "key"
    key_file.write_text(key + "\n")
    key_file.chmod(0o600)
    api_port, port, state = free_port(), free_port(), directory / "state"
    api = subprocess.Popen([sys.executable, "-m", "hive_gateway.standin", "--port", str(api_port)])
    try:
        started = hive_command(
            *("up", "--state", str(state), "--port", str(port), "--api-key-file", str(key_file)),
            environment={"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{api_port}"},
        )
        assert key not in started.stdout + started.stderr
        link = re.search(r"http://\S+/sign-in/\S+", started.stdout)
        assert link is not None
        yield Hive(state=State(state), port=port, sign_in=link[0])
    finally:
        hive_command("down", "--state", str(state))
        api.terminate()
        api.wait()


def search(hive: Hive, key: str, machine: str | None, *pids: str) -> str:
    command = ("/opt/hive/bin/python3", "-I", "-c", SEARCH, key.encode().hex(), *pids)
    done = hive.run(*command) if machine is None else hive.run_in(machine, *command, user="root")
    return done.stdout.strip()


def test_turns_work_and_nothing_in_a_container_has_the_key(keyed_hive: Hive, key: str) -> None:
    hive = keyed_hive
    assert not hive.status()["hive"]["stand_in"]
    assert "42" in hive.command("send", "worker", "what is 6*7?", "--wait").stdout
    # While the runner and the CLI are warm, so that their memory is looked at as well.
    assert search(hive, key, hive.machine("worker")) == "[]"
    gateway = hive.property("hive-gateway.service", "MainPID")
    assert "memory of" in search(hive, key, None, gateway)


def test_the_key_is_in_no_log_no_status_and_no_other_units_environment(keyed_hive: Hive, key: str) -> None:
    hive = keyed_hive
    for unit in ("hive-core", "hive-gateway", "hive-web", f"container@{hive.machine('worker')}"):
        assert key not in hive.journal(f"{unit}.service")
        assert key not in hive.run("systemctl", "show", f"{unit}.service").stdout
    assert key not in hive.command("status", "--json").stdout
    for unit in ("hive-core", "hive-web"):
        assert search(hive, key, None, hive.property(f"{unit}.service", "MainPID")) == "[]"


def test_the_key_is_in_no_file_of_the_state_directory(keyed_hive: Hive, key: str) -> None:
    """It came to the gateway through memory, and is gone with the host."""
    files = [p for p in keyed_hive.state_directory.rglob("*") if p.is_file() and not p.is_symlink()]
    assert any(b"worker" in p.read_bytes() for p in files)
    assert [p for p in files if key.encode() in p.read_bytes()] == []
