"""`hive` as a person types it, against a real server on a unix socket with a scripted core behind it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from hive_cli.main import cli
from hive_rpc.server import Server
from tests.support.scripted_operator import ScriptedOperator


class Shell:
    """Runs the program in a thread, so that the server in this one can answer it."""

    def __init__(self, state: Path, core: ScriptedOperator) -> None:
        self.state = state
        self.core = core

    async def hive(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        environment = {"HIVE_STATE": str(self.state)}
        return await asyncio.to_thread(CliRunner().invoke, cli, arguments, input=stdin, env=environment)

    def asked(self, method: str) -> Any:
        (request,) = [request for name, request in self.core.asked if name == method]
        return request


@contextlib.asynccontextmanager
async def scripted_shell(state: Path) -> AsyncIterator[Shell]:
    """Its core answers as a test says."""
    core = ScriptedOperator({})
    server = Server(lambda peer: [core])
    (state / "run").mkdir()
    await server.listen(state / "run" / "operator.sock")
    yield Shell(state, core)
    await server.close()
