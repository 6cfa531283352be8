"""`make record-cli`: runs the scenarios with the CLI that the SDK brings and replaces the recordings of its version."""

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

import claude_agent_sdk
from aiohttp import web

from hive_gateway.standin.app import StandIn, build
from hive_gateway.standin.recorder import Seen
from tests.recording import store
from tests.recording.scenarios import SCENARIOS, Run, Scenario
from tests.recording.store import Recording

CLI = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
BASE = ("--print", "--verbose", "--output-format", "stream-json")
LIMIT_SECONDS = 120


class Arrivals:
    """Tells when a request for a message has reached the stand-in."""

    def __init__(self) -> None:
        self.message = asyncio.Event()

    def saw(self, seen: Seen) -> None:
        if seen.path.startswith("/v1/messages") and "count_tokens" not in seen.path:
            self.message.set()


@dataclass
class Api:
    port: int
    arrivals: Arrivals


@contextlib.asynccontextmanager
async def api() -> AsyncIterator[Api]:
    arrivals = Arrivals()
    runner = web.AppRunner(build(StandIn(recorder=arrivals)), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Api(runner.addresses[0][1], arrivals)
    finally:
        await runner.cleanup()


def _environment(run: Run, home: Path, port: int) -> dict[str, str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{1 if run.refused else port}",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    if run.credentials and "CLAUDE_CODE_OAUTH_TOKEN" not in run.environment:
        environment["ANTHROPIC_API_KEY"] = "made-up-for-this-recording"
    return environment | dict(run.environment)


async def _drive(process: asyncio.subprocess.Process, run: Run, arrivals: Arrivals) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    if run.interrupt:
        return await _interrupted(process, run, arrivals)
    if run.kill is None:
        return await process.communicate(run.prompt.encode())
    process.stdin.write(run.prompt.encode())
    process.stdin.close()
    ended = asyncio.ensure_future(process.communicate())
    await arrivals.message.wait()
    process.send_signal(run.kill)
    return await ended


async def _interrupted(process: asyncio.subprocess.Process, run: Run, arrivals: Arrivals) -> tuple[bytes, bytes]:
    def line(**body: object) -> bytes:
        return json.dumps(body).encode() + b"\n"

    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line(type="user", message={"role": "user", "content": run.prompt}))
    await arrivals.message.wait()
    process.stdin.write(line(type="control_request", request_id="r1", request={"subtype": "interrupt"}))
    printed = b""
    while b'"type":"result"' not in printed:
        printed += await process.stdout.readline()
    process.stdin.close()
    rest, stderr = await process.communicate()
    return printed + rest, stderr


async def _run(run: Run, home: Path, directory: Path, server: Api) -> tuple[bytes, str, int]:
    server.arrivals.message.clear()
    extra = ["--input-format", "stream-json"] if run.interrupt else []
    process = await asyncio.create_subprocess_exec(
        *(CLI, *BASE, *extra, *run.arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=directory,
        env=_environment(run, home, server.port),
        limit=2**24,
    )
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            out, err = await _drive(process, run, server.arrivals)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return out, err.decode(errors="replace"), process.returncode


async def record(scenario: Scenario, version: str) -> Recording:
    """The last run of a scenario, with the places of this machine replaced by those of an agent."""
    with tempfile.TemporaryDirectory() as scratch:
        home, directory = Path(scratch) / "home", Path(scratch) / "project"
        for made in (home, directory):
            made.mkdir()
        async with api() as server:
            for run in scenario.runs:
                out, err, code = await _run(run, home, directory, server)

        def placed(text: str) -> str:
            text = text.replace(str(directory), "/project").replace(str(home), "/home/agent")
            return text.replace(scratch.replace("/", "-"), "").replace(f"127.0.0.1:{server.port}", "127.0.0.1:8080")

        return Recording(
            name=scenario.name,
            version=version,
            note=scenario.note,
            arguments=[*BASE, *run.arguments],
            prompt=run.prompt,
            exit_code=code,
            stderr=placed(err),
            lines=[placed(store.trim(line)) for line in store.lines_of(out.decode(errors="replace"))],
        )


async def main() -> None:
    process = await asyncio.create_subprocess_exec(CLI, "--version", stdin=DEVNULL, stdout=PIPE)
    said, _ = await process.communicate()
    version = said.decode().split()[0]
    recordings = []
    for scenario in SCENARIOS:
        recordings.append(await record(scenario, version))
        print(f"{version} {scenario.name}: exit code {recordings[-1].exit_code}", flush=True)
    store.write(recordings)


if __name__ == "__main__":
    asyncio.run(main())
