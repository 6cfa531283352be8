"""Evaluating and building what an agent wrote, with the machine's Nix daemon, in real units of hive-build.

Each attempt is made twice: in the sandbox, and with the same program outside of it, where it succeeds.
"""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.hive_host import Host, booted, free_port
from tests.support.nix_store import SETTINGS, stub_files
from tests.support.patience import until

pytestmark = pytest.mark.skipif(shutil.which("nix-daemon") is None, reason="needs nix")

PYTHON = "/opt/hive/bin/python3"
SCRIPT = Path(__file__).parents[1] / "support" / "inside_host.py"
MODULE = "{ ... }: {\n  more = %s;\n}\n"
SERVED = "served"
CORE = "/run/played-core"
"""The pid of what plays core."""
NIX = ("env", "HOME=/tmp", "NIX_REMOTE=daemon", "nix")


@pytest.fixture(scope="module")
def nix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with a Nix daemon and its store, as on NixOS."""
    with booted(tmp_path_factory.mktemp("nix")) as state:
        yield with_nix(Host(state))


def with_nix(host: Host) -> Host:
    written = {f"/etc/hive/flake/{name}": text for name, text in stub_files().items()}
    written["/etc/nix/nix.conf"] = SETTINGS + "experimental-features = nix-command flakes\n"
    for path, text in written.items():
        host.run("mkdir", "-p", Path(path).parent)
        host.run("tee", path, stdin=text)
    host.run("mkdir", "-p", "/nix/store")
    unit = ("systemd-run", "--quiet", "--unit=nix-daemon", "--service-type=exec", "--setenv=HOME=/root")
    host.run(*unit, "nix-daemon", "--daemon")
    host.run("sh", "-c", "until test -S /nix/var/nix/daemon-socket/socket; do :; done")
    return host


def steps(host: Host, *order: tuple[str, Any]) -> list[Any]:
    """How each ended: what it gives, `done`, or the error in a sentence."""
    # Only what hive-core itself has, but for its unit's own walls.
    script = f"import os, pathlib; pathlib.Path('{CORE}').write_text(str(os.getpid()))\n{SCRIPT.read_text()}"
    done = host.run(PYTHON, "-I", "-c", script, stdin=json.dumps(order), limit=240)
    found: list[Any] = json.loads(done.stdout)
    return found


def outside(host: Host, expression: str, *options: str) -> str:
    """What the expression is where there is no wall."""
    return host.run(*NIX, "eval", "--impure", "--raw", *options, "--expr", expression).stdout


def files(more: str) -> dict[str, str]:
    return {"agent.toml": "", "agent.nix": MODULE % more}


def test_the_walls_around_nix(nix: Host) -> None:
    port = free_port()
    nix.run("mkdir", "-p", "/srv/www")
    nix.run("tee", "/srv/www/x", stdin=SERVED)
    server = ("systemd-run", "--quiet", "--unit=www", "--service-type=exec")
    nix.run(*server, PYTHON, "-I", "-m", "http.server", "-d", "/srv/www", "-b", "127.0.0.1", str(port))
    dial = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
    nix.run("sh", "-c", f'until {PYTHON} -Ic "{dial}" 2>/dev/null; do :; done')

    digest = nix.run("sha256sum", "/srv/www/x").stdout.split()[0]
    fetch = f'builtins.readFile (builtins.fetchurl {{ url = "http://127.0.0.1:{port}/x"; sha256 = "{digest}"; }})'
    shadow = 'builtins.readFile "/etc/hostname"'
    built = (
        'builtins.readFile (derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; '
        'args = [ "-c" "echo imported >$out" ]; })'
    )
    state = 'builtins.readFile (builtins.fetchTree { type = "path"; path = "/var/lib/hive/core"; narHash = "%s"; })'
    left = 'builtins.toFile "left-by-an-expression" "x"'
    big = "toString (builtins.length (builtins.genList (x: x) 60000000))"
    slow = "let f = n: if n == 0 then 0 else builtins.seq (f (n - 1)) (f (n - 1)); in toString (f 60)"

    answers = steps(
        nix,
        ("evaluate", files('"echo fine >&2;"')),
        ("evaluate", files(fetch)),
        ("evaluate", files(shadow)),
        ("evaluate", files(built)),
        ("evaluate", files(state % ("sha256-" + "A" * 43 + "="))),
        ("evaluate", files(left)),
        ("limits", {"seconds": 120, "memory": 300 * 1024 * 1024}),
        ("evaluate", files(big)),
        ("limits", {"seconds": 3, "memory": 2 * 1024**3}),
        ("evaluate", files(slow)),
        ("limits", {"seconds": 120, "memory": 2 * 1024**3}),
        ("apply", files('"echo from the build >&2;"')),
        ("pin", None),
        ("inputs", None),
        ("build", None),
    )
    assert answers[0] == "done", "what is harmless is evaluated"
    fetched, read, imported, copied = answers[1:5]
    assert "unable to download" in fetched
    assert "forbidden in pure eval mode" in read
    assert "would have to be made" in imported
    assert "/var/lib/hive/core': No such file" in copied
    assert answers[5] == "done"
    assert "left-by-an-expression" not in nix.run("ls", "/nix/store").stdout
    assert "does not evaluate" in answers[7], "too much memory"
    assert "within 3 s" in answers[9]
    assert answers[13] == ["agent-worker", "hive", "nixpkgs"]
    system, log = answers[14]
    assert "from the build" in "\n".join(log)
    assert nix.run("cat", f"{system}/said").stdout == "release one\n"

    # The controls: each of the things is possible, only not in there.
    assert outside(nix, fetch) == SERVED
    assert outside(nix, shadow) == nix.run("cat", "/etc/hostname").stdout
    assert outside(nix, built) == "imported\n"
    assert outside(nix, big) == "60000000"
    assert outside(nix, left) in nix.run("find", "/nix/store", "-maxdepth", "1").stdout

    # What was built stays when Nix's collector comes, and so do the inputs: the next evaluation has no network.
    nix.run("env", "NIX_REMOTE=daemon", "nix-store", "--gc")
    assert nix.run("cat", f"{system}/said").stdout == "release one\n"
    assert steps(nix, ("evaluate", files('"true;"'))) == ["done"]
    # Nobody but hive-build has written there, and whoever wants to can look with git.
    assert nix.run("stat", "--format=%U", "/var/lib/hive/meta/HEAD").stdout == "hive-build\n"
    shown = nix.run("git", "-c", "safe.directory=*", "-C", "/var/lib/hive/meta", "show", "main:flake.nix").stdout
    assert "agent-worker" in shown


def test_a_build_that_core_was_killed_in_is_not_done_twice_at_once(nix: Host) -> None:
    held = (
        "echo >>/srv/begun; exec 9>/srv/lock; flock -n 9 || touch /srv/two; until test -e /srv/go; do sleep 0.1; done;"
    )
    order = (("apply", files(json.dumps(held))), ("pin", None), ("build", None))

    def begun() -> int:
        return len(nix.run("cat", "/srv/begun", check=False).stdout.splitlines())

    def building() -> int:
        words = ("systemctl", "show", "--property=ExecStart", "--state=running", "hive-build-*.service")
        return nix.run(*words).stdout.count("meta.inside build ")

    with ThreadPoolExecutor() as cores:
        killed = cores.submit(steps, nix, *order)
        try:
            until("it builds", lambda: begun() == 1)
            nix.kill(nix.run("cat", CORE).stdout)
            assert isinstance(killed.exception(), AssertionError)
            again = cores.submit(steps, nix, *order)
            until("it builds again", lambda: building() == 2 or begun() == 2)
        finally:
            nix.run("touch", "/srv/go")
        system, _ = again.result()[2]
    assert nix.run("cat", f"{system}/said").stdout == "release one\n"
    assert nix.run("test", "-e", "/srv/two", check=False).returncode == 1
