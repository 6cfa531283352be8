"""What a broken hive-web could do: code that runs as its user, in a unit confined as its own."""

import base64
import json
from typing import Any

from hive_rpc.interface import methods
from hive_rpc.interfaces.operator import Operator
from hive_rpc.types import Role
from tests.support.bad_requests import PATHS
from tests.support.hive_host import Hive
from tests.support.samples import sample

CALL = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\\0")
print(s.recv(65536).rstrip(b"\\0").decode())
"""
CALLS = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect(sys.argv[1])
for call in json.load(sys.stdin):
    s.sendall(json.dumps(call).encode() + b"\\0")
    reply = b""
    while not reply.endswith(b"\\0"):
        reply += s.recv(65536)
    print(reply[:-1].decode())
    if b"Watch" in json.dumps(call).encode() or b"Logs" in json.dumps(call).encode():
        s.close(); s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect(sys.argv[1])
"""
READ = "import sys; print(open(sys.argv[1], 'rb').read(1))"


def as_web(hive: Hive, *command: str, user: str = "hive-web") -> "tuple[int, str]":
    done = hive.run("/opt/hive/bin/python3", "-I", "-c", *command, user=user, check=False)
    return done.returncode, done.stdout + done.stderr


def replies(hive: Hive, path: str, calls: list[dict[str, Any]], user: str = "hive-web") -> list[dict[str, Any]]:
    """What the socket answers to each call, as this user."""
    streaming = {m.full_name for m in methods(Operator).values() if m.streaming}
    asked = [call | {"more": True} if call["method"] in streaming else call for call in calls]
    words = ("/opt/hive/bin/python3", "-I", "-c", CALLS, path)
    done = hive.run(*words, user=user, stdin=json.dumps(asked))
    return [json.loads(line) for line in done.stdout.splitlines()]


def sign_in(hive: Hive, name: str, role: str) -> str:
    invite = json.loads(hive.command("operator", "invite", name, "--role", role, "--json").stdout)
    redeem = {"method": "org.hive.Session.Redeem", "parameters": {"token": invite["token"]}}
    session: str = replies(hive, "/run/hive/web.sock", [redeem])[0]["parameters"]["session"]
    return session


def test_hives_state_cannot_be_read(hive: Hive) -> None:
    path = "/var/lib/hive/core/core.sqlite"
    code, said = as_web(hive, READ, path)
    assert code != 0
    assert "PermissionError" in said
    assert as_web(hive, READ, path, user="root")[0] == 0


def test_the_shells_socket_cannot_be_opened(hive: Hive) -> None:
    call = json.dumps({"method": "org.hive.Operator.Status", "parameters": {}})
    for socket in ("operator.sock", "gateway.sock", "agents/worker/core/core.sock"):
        code, said = as_web(hive, CALL, f"/run/hive/{socket}", call)
        assert code != 0
        assert "PermissionError" in said
        assert as_web(hive, CALL, f"/run/hive/{socket}", call, user="root")[0] == 0


def test_nothing_answers_without_a_session(hive: Hive) -> None:
    """Every method that there is, also those that are to come."""
    forged = [{}, {"session": ""}, {"session": "forged"}, {"session": "x" * 10_000}, {"session": "\u0000"}]
    calls = [
        {"method": method.full_name, "parameters": sample(method.request, password="x" * 20) | session}
        for method in methods(Operator).values()
        for session in forged
    ]
    for call, reply in zip(calls, replies(hive, "/run/hive/web.sock", calls), strict=True):
        assert reply["error"] == "org.hive.NotSignedIn", (call["method"], reply)
    # The control: the same call where the caller is somebody.
    status = {"method": "org.hive.Operator.Status", "parameters": {}}
    assert "agents" in replies(hive, "/run/hive/operator.sock", [status], user="root")[0]["parameters"]


def test_a_viewer_is_refused_whatever_changes_something(hive: Hive) -> None:
    session = sign_in(hive, "looker", "viewer")
    higher = [m for m in methods(Operator).values() if m.role is not Role.VIEWER]
    calls = [{"method": m.full_name, "parameters": sample(m.request, session=session)} for m in higher]
    for call, reply in zip(calls, replies(hive, "/run/hive/web.sock", calls), strict=True):
        assert reply["error"] == "org.hive.Forbidden", (call["method"], reply)
    status = {"method": "org.hive.Operator.Status", "parameters": {"session": session}}
    assert "error" not in replies(hive, "/run/hive/web.sock", [status])[0]


def test_what_an_agent_leaves_in_its_files_leads_nowhere(hive: Hive) -> None:
    """Made inside the container by the model's own user, asked for from outside by a viewer."""
    machine, session = hive.machine("worker"), sign_in(hive, "reader", "viewer")
    made = (
        "mkdir -p /agents/worker/state/wall && cd /agents/worker/state/wall && echo found > plain && "
        "ln -sf /etc/shadow link && ln -sf ../../../manager/state up && ln -sf /proc/self/root root && "
        "mkfifo pipe; truncate -s 10G huge; ln -f plain second; echo found > alone; "
        "echo x > \"$(printf 'a\\377b')\"; true"
    )
    hive.run_in(machine, "/bin/sh", "-c", made)

    def read(path: str) -> dict[str, Any]:
        parameters = {"session": session, "agent": "worker", "path": path}
        call = {"method": "org.hive.Operator.ReadAgentFile", "parameters": parameters}
        return replies(hive, "/run/hive/web.sock", [call])[0]

    assert base64.b64decode(read("state/wall/alone")["parameters"]["data"]) == b"found\n"
    for name in ("link", "up/notes.md", "root/etc/shadow", "pipe", "huge", "second", "../wall/../../../etc/shadow"):
        assert read(f"state/wall/{name}")["error"] in (
            "org.hive.NotFound",
            "org.hive.TooLarge",
            "org.hive.Invalid",
        ), name
    calls = [
        {
            "method": f"org.hive.Operator.{method}",
            "parameters": {"session": session, "agent": "worker", "path": path},
        }
        for method in ("ReadAgentFile", "ListAgentFiles")
        for path in PATHS
        if len(path) < 2000 and "\ud800" not in path
    ]
    for call, reply in zip(calls, replies(hive, "/run/hive/web.sock", calls), strict=True):
        assert "error" in reply, call
        assert "/var/lib" not in json.dumps(reply), call


def test_a_session_acts_within_its_role_only(hive: Hive) -> None:
    invite = json.loads(hive.command("operator", "invite", "looker", "--role", "viewer", "--json").stdout)
    redeem = json.dumps({"method": "org.hive.Session.Redeem", "parameters": {"token": invite["token"]}})
    session = json.loads(as_web(hive, CALL, "/run/hive/web.sock", redeem)[1])["parameters"]["session"]

    def call(method: str) -> dict[str, object]:
        words = json.dumps(
            {"method": f"org.hive.Operator.{method}", "parameters": {"session": session, "name": "worker"}}
        )
        answer: dict[str, object] = json.loads(as_web(hive, CALL, "/run/hive/web.sock", words)[1])
        return answer

    assert "error" not in call("Status")
    assert call("Stop")["error"] == "org.hive.Forbidden"
    assert call("Destroy")["error"] == "org.hive.Forbidden"
    # A one-time link works once.
    assert "error" in json.loads(as_web(hive, CALL, "/run/hive/web.sock", redeem)[1])


def test_the_gateways_user_reaches_its_own_socket_only(hive: Hive) -> None:
    call = json.dumps({"method": "org.hive.Operator.Status", "parameters": {}})
    for socket in ("operator.sock", "web.sock", "agents/worker/core/core.sock"):
        code, said = as_web(hive, CALL, f"/run/hive/{socket}", call, user="hive-gateway")
        assert code != 0
        assert "PermissionError" in said
    code, said = as_web(hive, CALL, "/run/hive/gateway.sock", call, user="hive-gateway")
    assert code == 0
    assert "org.varlink.service" in said
