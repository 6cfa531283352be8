"""API keys: the gateway has them, turns work or fail with them, and they are nowhere else."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
def api_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def keyed_hive(key: str, api_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    """A hive of its own whose API is the stand-in, alone on the machine's loopback, behind a key."""
    directory = tmp_path_factory.mktemp("keyed")
    key_file = directory / "key"
    key_file.write_text(key + "\n")
    key_file.chmod(0o600)
    port, state = free_port(), directory / "state"
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


def files_with(hive: Hive, needle: str) -> list[Path]:
    """The files of the state directory that hold this."""
    files = (p for p in hive.state_directory.rglob("*") if p.is_file() and not p.is_symlink())
    return [path for path in files if _holds(path, needle.encode())]


def _holds(path: Path, needle: bytes) -> bool:
    """Reads what is allocated: an agent's image has gigabytes of holes."""
    with path.open("rb") as file:
        end, at, kept = path.stat().st_size, 0, b""
        while at < end:
            try:
                data = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                return False
            kept = kept if data == at else b""
            chunk = os.pread(file.fileno(), 1 << 20, data)
            if needle in (kept := kept + chunk):
                return True
            kept, at = kept[-len(needle) :], data + len(chunk)
    return False


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
    assert files_with(keyed_hive, "worker") != []
    assert files_with(keyed_hive, key) == []


@dataclass(frozen=True)
class Failing:
    """An account whose API does not work."""

    key: str
    ends: str
    """The state in which an agent of the same name ends that uses it."""


@pytest.fixture(scope="module")
def failing(keyed_hive: Hive, api_port: int, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Failing]:
    api, found = f"http://127.0.0.1:{api_port}", {}
    for name, base_url, ends, text in (
        ("away", f"http://127.0.0.1:{free_port()}", "parked", "hello"),
        ("no-tls", api.replace("http:", "https:"), "parked", "hello"),
        ("refused", api, "needs_login", "[[stand-in: error 401]]"),
        ("limited", api, "parked", "[[stand-in: error 429 retry-after=3600]]"),
        ("broken-off", api, "parked", "[[stand-in: drop-mid-stream]]"),
    ):
        key = "sk-ant-api03-" + secrets.token_hex(24)
        files = tmp_path_factory.mktemp(name)
        (files / "key").write_text(key)
        (files / "agent.toml").write_text(f'account = "{name}"\n')
        add = ("account", "add", name, "--api-key-file", str(files / "key"), "--base-url", base_url)
        keyed_hive.command(*add)
        keyed_hive.command("spawn", name, "--config", str(files / "agent.toml"))
        keyed_hive.command("send", name, text)
        found[name] = Failing(key, ends)
    return found


@pytest.mark.parametrize("name", ["away", "no-tls", "refused", "limited", "broken-off"])
def test_a_key_whose_api_fails_is_nowhere_but_at_the_gateway(
    keyed_hive: Hive, failing: dict[str, Failing], name: str
) -> None:
    hive, key = keyed_hive, failing[name].key
    assert hive.becomes(name, failing[name].ends)["reason"]
    assert search(hive, key, hive.machine(name)) == "[]"
    said = [hive.journal(f"{unit}.service") for unit in ("hive-core", "hive-gateway", "hive-web")]
    said += [hive.command(*words).stdout for words in (("logs", name), ("status", "--json"), ("account", "list"))]
    said += [hive.command(*words, "--json").stdout for words in (("messages", name), ("audit",))]
    assert all(said)
    assert [text for text in said if key in text] == []
    (kept,) = files_with(hive, key)
    assert kept.name == f"{name}.json"
    assert kept.stat().st_mode & 0o777 == 0o600
