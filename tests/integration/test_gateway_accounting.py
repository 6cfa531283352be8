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
from fractions import Fraction
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
    nano_usd: Fraction = Fraction()
    finished: int = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = json.loads(await request.read())
        tokens, nano_usd, usage = self._draw(asked["model"])
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
        self.nano_usd += nano_usd
        self.finished += 1
        return response

    def _draw(self, model: str) -> tuple[Tokens, Fraction, dict[str, Any]]:
        draw = self.chance.randrange
        tokens = self._tokens()
        nano_usd = cost(model, tokens)
        usage = self._usage(tokens)
        if draw(4) == 0:
            # Behind the answer there were several calls: its own, of which the sum is at the top, and others.
            usage["iterations"] = [{"type": "message", **self._usage(tokens)}]
            for _ in range(draw(3)):
                other, more = self.chance.choice(MODELS), self._tokens()
                kind = self.chance.choice(["compaction", "advisor_message"])
                entry = {"type": kind, **self._usage(more)} | ({"model": other} if kind == "advisor_message" else {})
                usage["iterations"].append(entry)
                nano_usd += cost(other if kind == "advisor_message" else model, more)
                tokens = added(tokens, more)
        if draw(5) == 0:
            usage["speed"], nano_usd = "fast", nano_usd * 2
        if draw(5) == 0:
            usage["inference_geo"], nano_usd = "us", nano_usd * Fraction(11, 10)
        if draw(5) == 0:
            usage["server_tool_use"] = {"web_search_requests": (searches := draw(3)), "web_fetch_requests": draw(3)}
            nano_usd += searches * 10_000_000
        return tokens, nano_usd, usage

    def _tokens(self) -> Tokens:
        draw = self.chance.randrange
        return Tokens(draw(5000), draw(90_000) * draw(2), draw(9000) * draw(2), draw(9000) * draw(2), draw(4000))

    def _usage(self, tokens: Tokens) -> dict[str, Any]:
        draw = self.chance.randrange
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
        return usage

    def _events(self, model: str, usage: dict[str, Any]) -> list[bytes]:
        only_last = {"output_tokens", "iterations"}
        first = {
            **{k: v for k, v in usage.items() if k not in only_last},
            "output_tokens": min(1, usage["output_tokens"]),
        }
        last = usage if self.chance.randrange(2) else {k: v for k, v in usage.items() if k in only_last}
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


PRICES = dict(zip(MODELS, ((5, 25, 0.5), (3, 15, 0.3), (1, 5, 0.1), (10, 50, 1)), strict=True))
"""USD for a million tokens of input, of output, and read from the cache."""


def cost(model: str, tokens: Tokens) -> Fraction:
    """In billionths of a dollar. What is cached for five minutes costs 1.25 of the input, and for an hour 2."""
    put, out, read = (Fraction(str(price)) * 1000 for price in PRICES[model])
    written = Fraction(5, 4) * tokens.cache_write_5m + 2 * tokens.cache_write_1h
    return put * (tokens.input + written) + read * tokens.cache_read + out * tokens.output


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
    # Each of them is rounded to a billionth.
    assert abs(nano - script.nano_usd) <= RESPONSES / 2


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
