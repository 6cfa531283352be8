"""What a broken hive-web could do: code that runs as its user, in a unit confined as its own."""

import json

from tests.support.hive_host import Hive

CALL = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\\0")
print(s.recv(65536).rstrip(b"\\0").decode())
"""
READ = "import sys; print(open(sys.argv[1], 'rb').read(1))"


def as_web(hive: Hive, *command: str, user: str = "hive-web") -> "tuple[int, str]":
    done = hive.run("/opt/hive/bin/python3", "-I", "-c", *command, user=user, check=False)
    return done.returncode, done.stdout + done.stderr


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
    for method in ("Status", "Send", "Stop", "Spawn", "Destroy", "Invite", "SetPassword", "Audit"):
        parameters = {"name": "worker", "to": "worker", "body": "x", "password": "x" * 20, "new_password": "x" * 20}
        for session in ({}, {"session": ""}, {"session": "forged"}):
            call = json.dumps({"method": f"org.hive.Operator.{method}", "parameters": parameters | session})
            code, said = as_web(hive, CALL, "/run/hive/web.sock", call)
            assert code == 0, said
            assert json.loads(said)["error"] == "org.hive.NotSignedIn", (method, said)
    # The control: the same call where the caller is somebody.
    status = json.dumps({"method": "org.hive.Operator.Status", "parameters": {}})
    assert "agents" in as_web(hive, CALL, "/run/hive/operator.sock", status, user="root")[1]


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
