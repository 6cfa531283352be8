"""What runs in `hive-login@.service`: the CLI's login on a terminal that nobody sees, for one caller on a socket.

The caller is the gateway. It gets a line with the address, sends a line with the code, and gets a line with the
tokens or with what went wrong; all are JSON objects. The CLI needs a terminal, more rights over its own memory than
the gateway has, and a home, which is gone when it ends.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

CODE = re.compile(r"[\x21-\x7e]{1,2000}")
"""What is typed into the terminal: nothing that could be a key of its own."""
_ADDRESS = re.compile(rb"https://[\x21-\x7e]+?/oauth/authorize\?[\x21-\x7e]+")
_NOT_TEXT = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?<>=]*[A-Za-z]|[^\x20-\x7e\n]")
_WIDTH = 4000
"""Columns: the address is not to be wrapped."""
ADDRESS_SECONDS = 30.0
RESULT_SECONDS = 45.0
_MOST_OUTPUT = 256 * 1024


def bundled_cli() -> str:
    """The CLI that comes with the SDK."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the Claude SDK is not installed")
    return str(Path(spec.origin).parent / "_bundled" / "claude")


def serve(caller: IO[bytes], command: Sequence[str]) -> None:
    """One login. Every end of it is told to the caller."""
    try:
        with _terminal(command) as terminal:
            _tell(caller, address=terminal.address())
            line = caller.readline(4096)
            if not line:
                return
            terminal.type(str(json.loads(line)["code"]))
            _tell(caller, **terminal.tokens())
    except (OSError, ValueError, KeyError, TypeError, _LoginError) as error:
        with contextlib.suppress(OSError):
            _tell(caller, error=str(error) if isinstance(error, _LoginError) else type(error).__name__)


class _LoginError(Exception):
    """In the CLI's words, or ours."""


class _Terminal:
    def __init__(self, process: "subprocess.Popen[bytes]", master: int, home: Path) -> None:
        self._process = process
        self._master = master
        self._home = home
        self._seen = bytearray()

    def address(self) -> str:
        found = self._until(lambda: _ADDRESS.search(self._seen), ADDRESS_SECONDS)
        if not found:
            raise _LoginError(f"the CLI gave no address: {self._last_words()}")
        # The prompt after it has come when the address is whole.
        self._until(lambda: b"Paste" in self._seen, ADDRESS_SECONDS)
        whole = _ADDRESS.search(self._seen)
        assert whole is not None
        return whole[0].decode("ascii")

    def type(self, code: str) -> None:
        if not CODE.fullmatch(code):
            raise _LoginError("that is not a code")
        self._seen.clear()
        os.write(self._master, code.encode() + b"\r")

    def tokens(self) -> dict[str, object]:
        self._until(lambda: self._process.poll() is not None, RESULT_SECONDS)
        file = self._home / "claude" / ".credentials.json"
        if self._process.poll() != 0 or not file.exists():
            raise _LoginError(self._last_words() or "the CLI did not end in time")
        given = json.loads(file.read_bytes())["claudeAiOauth"]
        return {
            "access_token": given["accessToken"],
            "refresh_token": given["refreshToken"],
            "expires_at": given["expiresAt"] / 1000,
        }

    def _until(self, done: Callable[[], object], seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if done():
                return True
            if not select.select([self._master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:
                # The other end is closed; the process ends in a moment.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(5)
                return bool(done())
            self._seen += data
            del self._seen[:-_MOST_OUTPUT]
        return False

    def _last_words(self) -> str:
        lines = _NOT_TEXT.sub("", self._seen.decode(errors="replace")).splitlines()
        said = [line.strip() for line in lines if line.strip() and "://" not in line]
        return said[-1][:300] if said else ""


@contextlib.contextmanager
def _terminal(command: Sequence[str]) -> Iterator[_Terminal]:
    home = Path(tempfile.mkdtemp(prefix="login-"))
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, _WIDTH, 0, 0))
        passed = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        process = subprocess.Popen(
            [*command, "auth", "login", "--claudeai"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=home,
            env={
                **passed,
                "PATH": "/usr/bin:/bin",
                "HOME": str(home),
                "CLAUDE_CONFIG_DIR": str(home / "claude"),
                "TERM": "dumb",
                "BROWSER": "/bin/false",
                "DISABLE_TELEMETRY": "1",
                "DISABLE_AUTOUPDATER": "1",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            },
            start_new_session=True,
        )
        os.close(slave)
        try:
            yield _Terminal(process, master, home)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
    finally:
        os.close(master)
        shutil.rmtree(home, ignore_errors=True)


def _tell(caller: IO[bytes], **what: object) -> None:
    caller.write(json.dumps(what).encode() + b"\n")
    caller.flush()


def main() -> None:
    """systemd has made the connection our standard input (`Accept=yes`)."""
    with open(0, "r+b", buffering=0) as connection:
        serve(connection, sys.argv[1:] or [bundled_cli()])
