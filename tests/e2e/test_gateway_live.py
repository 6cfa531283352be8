"""A whole hive: accounts from the shell, caps and the big switch that park agents, and the way out of a container."""

import json
from pathlib import Path

from tests.support.hive_host import Hive
from tests.support.patience import until

# What is in the images is mounted beside them.
SEARCH = ("grep", "-rlsaf", "-", "--exclude-dir=images")
"""What is looked for comes on standard input: systemd writes command lines into its journal."""
ASK_PROXY = """
import socket, sys
proxy = socket.create_connection(("127.0.0.1", 7333), 10)
proxy.sendall(f"CONNECT {sys.argv[1]} HTTP/1.1\\r\\n\\r\\n".encode())
said = proxy.recv(65536)
if said.split(b" ")[1] == b"200":
    proxy.sendall(b"HEAD /sign-in HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n")
    while more := proxy.recv(65536):
        said += more
print(said.decode())
"""
DIAL = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
    print("connected")
except OSError as error:
    print(type(error).__name__, error)
"""


def spawned(hive: Hive, name: str, config: str, tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(config)
    hive.command("spawn", name, "--config", str(tmp_path / "agent.toml"))


def test_an_account_of_one_s_own_with_the_key_nowhere_but_at_the_gateway(hive: Hive, tmp_path: Path) -> None:
    key = "sk-ant-api03-of-this-test-alone"
    (tmp_path / "key").write_text(key)
    hive.command("account", "add", "night", "--api-key-file", str(tmp_path / "key"), "--base-url", "http://127.0.0.1:9")
    spawned(hive, "nightly", 'account = "night"\n', tmp_path)

    accounts = json.loads(hive.command("account", "list", "--json").stdout)["accounts"]
    assert {a["account"]["name"]: a["agents"] for a in accounts}["night"] == ["nightly"]
    refused = hive.command("account", "remove", "night", check=False)
    assert refused.returncode == 1
    assert "nightly" in refused.stderr

    found = hive.run(*SEARCH, "/var/lib/hive", "/var/log/journal", "/run/hive", "/etc", check=False, stdin=key)
    assert found.stdout == ""
    # Positive control: where it belongs, it is found, and nobody else may look there.
    kept = hive.run(*SEARCH, "/var/lib/hive-gateway", stdin=key).stdout
    assert "/accounts/night.json" in kept
    assert hive.run("stat", "-c", "%a %U", "/var/lib/hive-gateway").stdout.strip() == "700 hive-gateway"
    assert hive.run("cat", "/var/lib/hive-gateway/accounts/night.json", user="hive-web", check=False).returncode != 0
    assert key not in hive.command("audit").stdout

    hive.command("destroy", "nightly", "--purge", "--yes")
    hive.command("account", "remove", "night")
    assert hive.run(*SEARCH, "/var/lib/hive-gateway", check=False, stdin=key).stdout == ""


def test_a_cap_parks_its_agent_until_it_is_raised(hive: Hive, tmp_path: Path) -> None:
    spawned(hive, "thrifty", "[caps]\nday_usd = 0.001\n", tmp_path)
    parked = hive.becomes("thrifty", "parked")
    assert "cap" in parked["reason"]
    spending = json.loads(hive.command("spending", "--json").stdout)
    spent = next(s for s in spending["spending"] if s["name"] == "thrifty")
    assert spent["day_usd"] > 0.001
    requests = spent["requests"]

    sent = json.loads(hive.command("send", "thrifty", "say still here", "--json").stdout)["id"]
    hive.command("caps", "raise", "thrifty", "--usd", "50")
    until(
        "it answers",
        lambda: [m for m in hive.messages("thrifty") if m["in_reply_to"] == sent and "still here" in m["body"]],
    )
    spending = json.loads(hive.command("spending", "--json").stdout)
    assert next(s for s in spending["spending"] if s["name"] == "thrifty")["requests"] > requests
    hive.command("destroy", "thrifty", "--purge", "--yes")


def held_until(hive: Hive) -> str | None:
    accounts = json.loads(hive.command("account", "list", "--json").stdout)["accounts"]
    until: str | None = next(a["account"] for a in accounts if a["account"]["name"] == "default").get("held_until")
    return until


def test_a_wake_tries_a_limit_that_holds_the_account_and_what_the_api_says_then_counts(hive: Hive) -> None:
    """The stand-in refuses twice, each time for three hours, and answers normally from then on."""
    word = "say the limit is over"
    hive.command("send", "worker", f"[[stand-in: error 429 retry-after=10800 times=2]] {word}")
    hive.becomes("worker", "parked")
    assert "limit" in hive.becomes("manager", "parked")["reason"]
    first = held_until(hive)

    hive.command("wake", "worker")
    until("the hold is another", lambda: held_until(hive) != first)
    hive.becomes("worker", "parked")
    assert [m["attempts"] for m in hive.messages("worker") if word in m["body"]] == [0]

    hive.command("wake", "worker")
    until("it answers", lambda: "the limit is over" in [m["body"] for m in hive.messages("worker")])
    # The gateway reports it to core a moment after the answer has gone through.
    until("nothing holds the account", lambda: held_until(hive) is None)
    hive.becomes("manager", "idle")
    wakes = [row for row in json.loads(hive.command("audit", "--json").stdout)["rows"] if row["action"] == "wake"]
    assert [(row["target"], row["details"]) for row in wakes[:2]] == [("worker", {"account": "default"})] * 2


def test_what_was_spent_survives_a_killed_gateway(hive: Hive) -> None:
    hive.command("send", "worker", "say counted", "--wait")
    before = json.loads(hive.command("spending", "--json").stdout)["spending"][0]
    hive.run("systemctl", "kill", "--signal=KILL", "hive-gateway.service")
    until("the gateway is back", lambda: hive.command("spending", "--json", check=False).returncode == 0)
    assert json.loads(hive.command("spending", "--json").stdout)["spending"][0] == before


def test_everything_can_be_stopped_and_goes_on(hive: Hive) -> None:
    hive.command("stop-all", "--reason", "the test says so")
    try:
        assert "the test says so" in hive.becomes("worker", "parked")["reason"]
        refused = hive.run_in(hive.machine("worker"), "python3", "-c", ASK_PROXY, "pypi.org:443").stdout
        assert "the test says so" in refused
    finally:
        hive.command("resume-all")
    assert hive.command("send", "worker", "say on we go", "--wait").stdout.strip() == "on we go"


def test_a_container_reaches_what_is_allowed_and_nothing_else(hive: Hive, tmp_path: Path) -> None:
    """The dashboard on the host's loopback stands for a host that is named by its address."""
    spawned(hive, "outer", f'egress = ["127.0.0.1:{hive.port}", "names.example:443"]\n', tmp_path)
    machine = hive.machine("outer")
    python = ("python3", "-c")

    # Positive control: what is allowed by its address is reached, through the proxy alone.
    assert "200 Connection established" in (
        said := hive.run_in(machine, *python, ASK_PROXY, f"127.0.0.1:{hive.port}").stdout
    )
    assert "HTTP/1.1 200 OK" in said or "HTTP/1.1 303" in said
    assert hive.run_in(machine, *python, DIAL, "127.0.0.1", str(hive.port)).stdout.startswith("ConnectionRefused")

    for target in (
        "127.0.0.1:22",
        f"localhost:{hive.port}",
        f"[::ffff:127.0.0.1]:{hive.port}",
        f"2130706433:{hive.port}",
        f"127.1:{hive.port}",
        "169.254.169.254:80",
        "pypi.org:443",
    ):
        said = hive.run_in(machine, *python, ASK_PROXY, target).stdout
        assert said.split(" ")[1] in ("400", "403"), said
    assert 'egress = ["pypi.org:443"]' in hive.run_in(machine, *python, ASK_PROXY, "pypi.org:443").stdout

    # A name of its own for programs that know no proxy: it leads to the gateway, which finds no such host here.
    hosts = hive.run_in(machine, "cat", "/etc/hosts").stdout
    assert "127.77.0.1 names.example" in hosts
    assert hive.run_in(machine, *python, DIAL, "names.example", "443").stdout.strip() == "connected"

    entries = json.loads(hive.command("egress", "log", "outer", "--json").stdout)["entries"]
    verdicts = {(e["host"], e["port"]): e["verdict"] for e in entries}
    assert verdicts["127.0.0.1", hive.port] == "allowed"
    assert verdicts["pypi.org", 443] == verdicts["127.0.0.1", 22] == "refused"
    hive.command("destroy", "outer", "--purge", "--yes")
