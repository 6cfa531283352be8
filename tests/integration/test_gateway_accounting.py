"""The book beside the script: whatever shape the answers have, and whenever the gateway is killed."""

import asyncio
import contextlib
import json
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from hive_base.prices import Tokens
from hive_gateway.accounts.store import AccountStore
from hive_gateway.metering.totals import NANO
from hive_rpc.accounts import Scope
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY
from tests.support.gateway import MESSAGES, api_account, api_server, client_of, parts

MODELS = ("claude-opus-4-8", "claude-sonnet-4-5", "claude-haiku-4-5-20251001", "claude-fable-5")
RESPONSES = 10_000
AT_ONCE = 50


@dataclass
class Script:
    """An API whose answers are drawn by lot, and that knows what it has charged for."""

    chance: random.Random
    charged: Tokens = field(default_factory=Tokens)
    finished: int = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = json.loads(await request.read())
        tokens, usage = self._draw()
        response = web.StreamResponse()
        if asked["stream"]:
            body = b"".join(self._events(asked["model"], usage))
            response.content_type = "text/event-stream"
        else:
            body = json.dumps({"model": asked["model"], "content": [], "usage": usage}).encode()
            response.content_type = "application/json"
            if self.chance.random() < 0.5:
                response.content_length = len(body)
        await response.prepare(request)
        cuts = sorted(self.chance.randrange(len(body)) for _ in range(self.chance.randrange(4)))
        for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
            await response.write(body[start:end])
        self.charged = added(self.charged, tokens)
        self.finished += 1
        return response

    def _draw(self) -> tuple[Tokens, dict[str, Any]]:
        draw = self.chance.randrange
        tokens = Tokens(draw(5000), draw(90_000) * draw(2), draw(9000) * draw(2), draw(9000) * draw(2), draw(4000))
        usage: dict[str, Any] = {"input_tokens": tokens.input, "output_tokens": tokens.output}
        written = tokens.cache_write_5m + tokens.cache_write_1h
        if tokens.cache_read or draw(2):
            usage["cache_read_input_tokens"] = tokens.cache_read
        if written or draw(2):
            usage["cache_creation_input_tokens"] = written
        if tokens.cache_write_1h or draw(2):
            usage["cache_creation"] = {
                "ephemeral_5m_input_tokens": tokens.cache_write_5m,
                "ephemeral_1h_input_tokens": tokens.cache_write_1h,
            }
        return tokens, usage

    def _events(self, model: str, usage: dict[str, Any]) -> list[bytes]:
        first = {**usage, "output_tokens": min(1, usage["output_tokens"])}
        last = usage if self.chance.randrange(2) else {"output_tokens": usage["output_tokens"]}
        end = "\r\n" if self.chance.randrange(4) == 0 else "\n"
        text = {"type": "text_delta", "text": 'of "usage": {"output_tokens": 5} and \n'}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {"model": model, "usage": first}},
            {"type": "ping"},
            *[{"type": "content_block_delta", "index": 0, "delta": text}] * self.chance.randrange(5),
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
            {"type": "message_stop"},
        ]
        return [f"event: {e['type']}{end}data: {json.dumps(e)}{end}{end}".encode() for e in events]


def added(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(
        one.input + other.input,
        one.cache_read + other.cache_read,
        one.cache_write_5m + other.cache_write_5m,
        one.cache_write_1h + other.cache_write_1h,
        one.output + other.output,
    )


def booked(path: Path) -> tuple[int, Tokens, int]:
    """Requests, tokens and billionths of a dollar in the book."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        columns = "input, cache_read, cache_write_5m, cache_write_1h, output"
        sums = ", ".join(f"coalesce(sum({column}), 0)" for column in columns.split(", "))
        count, nano, *tokens = connection.execute(
            f"SELECT count(*), coalesce(sum(nano_usd), 0), {sums} FROM requests"
        ).fetchone()
    return count, Tokens(*tokens), nano


def request(chance: random.Random) -> dict[str, Any]:
    return {"model": chance.choice(MODELS), "max_tokens": 9, "stream": bool(chance.randrange(3)), "messages": []}


@pytest.mark.timeout(300)  # ten thousand commits on a slow disk
async def test_ten_thousand_answers_of_every_shape_add_up_to_the_token(tmp_path: Path) -> None:
    chance = random.Random(7)
    script = Script(random.Random(8))
    async with api_server(script) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], connections=AT_ONCE) as made, client_of(made.socket) as client:

            async def some(count: int) -> None:
                for _ in range(count):
                    async with client.post(MESSAGES, json=request(chance)) as answer:
                        await answer.read()

            await asyncio.gather(*(some(RESPONSES // AT_ONCE) for _ in range(AT_ONCE)))
            [spent] = [s for s in made.treasury.spending() if s.scope is Scope.HIVE]
            assert (spent.requests, spent.day_tokens) == (RESPONSES, script.charged.total)
    count, tokens, nano = booked(tmp_path / "state" / "book.sqlite")
    assert (count, tokens) == (RESPONSES, script.charged)
    assert round(spent.day_usd * NANO) == nano


GATEWAY = """
import asyncio, sys
from pathlib import Path
from tests.support.gateway import parts

async def main():
    async with parts(Path(sys.argv[1]), connections=64):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def gateway(directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A gateway in a process of its own, with what is stored below the directory."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", GATEWAY, directory),
        env={"PYTHONPATH": str(Path.cwd())},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.timeout(300)
async def test_a_gateway_that_is_killed_has_written_down_every_answer_that_was_completed(tmp_path: Path) -> None:
    chance, completed = random.Random(9), Tokens()
    script = Script(random.Random(10))
    async with api_server(script) as server:
        AccountStore(tmp_path / "state" / "accounts").save(api_account(base_url=str(server.make_url("/")).rstrip("/")))
        answers = 0
        for _ in range(8):
            async with gateway(tmp_path) as process:
                killed_after = answers + chance.randrange(1, 60)

                async def ask(process: asyncio.subprocess.Process, killed_after: int) -> None:
                    nonlocal completed, answers
                    connector = aiohttp.UnixConnector(str(tmp_path / "gateway.sock"))
                    headers = {"x-api-key": PLACEHOLDER_API_KEY}
                    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:
                        while process.returncode is None:
                            try:
                                async with client.post(MESSAGES, json=request(chance)) as answer:
                                    said = await answer.read()
                            except (aiohttp.ClientError, ConnectionError):
                                return
                            # Only what has come in full counts as completed.
                            completed = added(completed, told(said))
                            answers += 1
                            if answers == killed_after:
                                process.send_signal(signal.SIGKILL)
                                return

                await asyncio.gather(*(ask(process, killed_after) for _ in range(8)))
                await process.wait()
    _, tokens, _ = booked(tmp_path / "state" / "book.sqlite")
    assert answers > 50
    for kind in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output"):
        assert getattr(completed, kind) <= getattr(tokens, kind) <= getattr(script.charged, kind)


def told(said: bytes) -> Tokens:
    """What a whole answer says that it used, read by other means than the gateway's."""
    usage: dict[str, Any] = {}
    if said.startswith(b"{"):
        usage = json.loads(said)["usage"]
    else:
        for line in said.splitlines():
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                usage |= event.get("usage", event.get("message", {}).get("usage", {}))
    written, split = usage.get("cache_creation_input_tokens", 0), usage.get("cache_creation", {})
    hour = split.get("ephemeral_1h_input_tokens", 0)
    return Tokens(
        usage["input_tokens"], usage.get("cache_read_input_tokens", 0), written - hour, hour, usage["output_tokens"]
    )
