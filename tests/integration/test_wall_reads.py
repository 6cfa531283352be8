"""Every read method of `web.sock`, on a real core, with what belongs nowhere in each of its fields that takes text.

A method that is new is asked by itself: the table is the interface.
"""

import asyncio
import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hive_core.api.authority import needed_role
from hive_core.configs.inside import applied
from hive_rpc.client import connect
from hive_rpc.interface import Method, methods
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.lives import SpawnRequest
from hive_rpc.interfaces.operator.people import InviteRequest
from hive_rpc.interfaces.session import RedeemRequest, Session
from hive_rpc.types import Role
from tests.support.bad_requests import PATHS
from tests.support.samples import sample
from tests.support.whole_core import whole_core

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="directories get other owners")

SECRET = "the other one's secret"
ENCODED = base64.b64encode(SECRET.encode()).decode()
READS = [m for m in methods(Operator).values() if needed_role(m) is Role.VIEWER]
OWN = {"ChangePassword", "RevokeSession"}
"""A viewer may change these of its own."""
REFS = ["", "HEAD", "main", "refs/heads/main", "--all", "a" * 39, "A" * 40, "a" * 40 + "\n", "a" * 40 + "^", "RUNNING"]


def texts(method: Method) -> list[str]:
    """The fields that take text, but for those that say who asks."""
    fields = method.request.model_json_schema()["properties"]
    kinds = {name: [field, *field.get("anyOf", [])] for name, field in fields.items()}
    takes = [name for name, options in kinds.items() if any(option.get("type") == "string" for option in options)]
    return [name for name in takes if name not in ("session", "password")]


class Line:
    """Connections that send whatever they are given."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: Method, parameters: dict[str, Any]) -> str:
        """The answer as it came; empty where the connection was closed, as for what is no JSON of text."""
        self._open = self._open or await asyncio.open_unix_connection(self._path, limit=16 * 1024 * 1024)
        reader, writer = self._open
        writer.write(json.dumps({"method": method.full_name, "parameters": parameters}).encode() + b"\0")
        try:
            async with asyncio.timeout(20):
                return (await reader.readuntil(b"\0"))[:-1].decode()
        except asyncio.IncompleteReadError:
            await self.close()
            return ""

    async def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            await self._open[1].wait_closed()
            self._open = None


async def test_no_read_method_says_more_than_it_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "hive"
    root.mkdir()
    async with whole_core(root, monkeypatch) as core, connect(core.run.operator_socket) as shell:
        operator = shell.proxy(Operator)
        for name in ("worker", "worker2"):
            await operator.spawn(SpawnRequest(name=name))
        (core.state.state("worker2") / "notes.md").write_text(SECRET)
        (core.state.root / "notes.md").write_text(SECRET)
        invite = await operator.invite(InviteRequest(name="looker", role=Role.VIEWER))
        async with connect(core.run.web_socket) as web:
            session = (await web.proxy(Session).redeem(RedeemRequest(token=invite.token))).session

        line = Line(core.run.web_socket)
        for method in READS:
            # What never ends is asked for nothing here; who may call it is tested elsewhere.
            if method.wire_name in OWN or method.streaming:
                continue
            for field in texts(method):
                good = sample(method.request, session=session)
                for bad in [*PATHS, *REFS]:
                    reply = await line.ask(method, good | {field: bad})
                    for secret in (SECRET, ENCODED, str(root)):
                        assert secret not in reply, (method.wire_name, field, bad)
        mine = {"session": session, "agent": "worker2", "path": "state/notes.md"}
        assert ENCODED in await line.ask(methods(Operator)["ReadAgentFile"], mine), "control: who asks for it gets it"
        await line.close()


def test_every_method_that_reads_a_file_is_among_them() -> None:
    fields = {method.wire_name: texts(method) for method in READS}
    for name in ("ReadAgentFile", "ListAgentFiles", "ReadAgentConfig"):
        assert {"agent", "path"} <= set(fields[name])
    assert "ref" in fields["ReadAgentConfig"]
    assert {"old", "new"} <= set(fields["ConfigDiff"])
    assert fields["ReadLog"]
    assert fields["EgressLog"]
    assert len({*PATHS, *REFS}) >= 60


async def test_one_file_of_a_commit_is_read_and_nothing_beside_it(tmp_path: Path) -> None:
    """Where git is run: no path is ever an argument of it."""
    repository = tmp_path / "worker"
    files = {"agent.toml": 'model = "opus"\n', "skills/a.md": "skill"}
    order = {"files": files, "author": "hive", "message": "x", "at": 1}
    sha = await applied.adopt(repository, order)
    for path, text in files.items():
        assert await applied.show(repository, sha, path) == b"=" + text.encode()
    for path in [*PATHS, "", "skills", "skills/", "agent.toml/", "AGENT.TOML", f"{sha}:agent.toml", ":/", "HEAD"]:
        assert await applied.show(repository, sha, path) == b"", path
    secret = subprocess.run(
        ["git", f"--git-dir={repository}", "hash-object", "-w", "--stdin"],
        input=SECRET.encode(),
        capture_output=True,
        check=True,
    )
    blob = secret.stdout.decode().strip()
    for ref in (blob, "a" * 40, "f" * 40):
        assert await applied.show(repository, ref, "agent.toml") == b""
