"""Caps: what is metered, what is refused before it is sent, and that nothing gets by."""

import asyncio
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, web

from hive_gateway import upstream
from hive_gateway.config import UpstreamConfig
from hive_gateway.standin.app import StandIn
from hive_rpc.accounts import Caps, HoldKind, Raise, Scope, ScopedCaps
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY, AgentsReply, GatewayAgent, TurnMark
from tests.support.gateway import MESSAGES, Parts, api_account, api_server, client_of, parts
from tests.support.manual_clock import ManualClock
from tests.support.seen import Memory

START = datetime(2026, 5, 1, 10, 20, tzinfo=UTC)
OPUS = {"model": "claude-opus-4-8"}
MODEL = "claude-sonnet-4-5"
"""3 USD for a million tokens of input, 15 for output."""


def core(caps: Caps | None = None, **more: Any) -> AgentsReply:
    """What core says of one agent with caps."""
    agent = {k: more.pop(k) for k in ("models", "turn", "account") if k in more}
    return AgentsReply(agents=[GatewayAgent(name="worker", directory="/", caps=caps or Caps(), **agent)], **more)


async def ask(
    client: ClientSession, prompt: str = "say x", *, model: str = MODEL, max_tokens: int = 100, stream: bool = False
) -> tuple[int, dict[str, Any]]:
    request = {
        "model": model,
        "max_tokens": max_tokens,
        "stream": stream,
        "messages": [{"role": "user", "content": prompt}],
    }
    async with client.post(MESSAGES, json=request) as answer:
        body = await answer.read()
        return answer.status, {} if stream and answer.status == 200 else json.loads(body)


USES = "[[stand-in: usage input=1000000 output=0]] say x"
"""Three dollars with the model above."""


def spent(made: Parts, scope: Scope = Scope.AGENT) -> float:
    return next((s.day_usd for s in made.treasury.spending() if s.scope is scope), 0.0)


@pytest.mark.parametrize("stream", [False, True])
async def test_over_a_cap_a_request_is_refused_before_it_is_sent(tmp_path: Path, stream: bool) -> None:
    seen, clock = Memory(), ManualClock(START)
    reply = core(Caps(day_usd=5))
    async with parts(tmp_path, stand_in=StandIn(clock, seen), clock=clock, core=reply) as made:
        async with client_of(made.socket) as client:
            # Three dollars, then six: only the request that finds the cap reached is refused.
            assert [(await ask(client, USES, stream=stream))[0] for _ in range(3)] == [200, 200, 400]
            refused = (await ask(client, USES))[1]["error"]
        assert len(seen.requests) == 2
        assert spent(made) == spent(made, Scope.ACCOUNT) == spent(made, Scope.HIVE) == 6.0
        [hold] = made.treasury.holds()

    assert refused["type"] == "invalid_request_error"
    assert "API usage limits" in refused["message"]
    assert "$5.00 a day" in refused["message"]
    assert "2026-05-02 at 00:00 UTC" in refused["message"]
    assert (hold.kind, hold.scope, hold.name) == (HoldKind.CAP, Scope.AGENT, "worker")
    assert hold.until == datetime(2026, 5, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "caps", [Caps(hour_usd=1), Caps(day_usd=1), Caps(hour_tokens=1000), Caps(day_tokens=1000)], ids=str
)
async def test_every_kind_of_cap_holds(tmp_path: Path, caps: Caps) -> None:
    async with parts(tmp_path, clock=ManualClock(START), core=core(caps)) as made, client_of(made.socket) as client:
        assert [(await ask(client, USES))[0] for _ in range(2)] == [200, 400]


@pytest.mark.parametrize("scope", [Scope.HIVE, Scope.ACCOUNT])
async def test_the_caps_of_the_hive_and_of_an_account_hold_for_every_agent(tmp_path: Path, scope: Scope) -> None:
    name = "" if scope is Scope.HIVE else "default"
    scoped = [ScopedCaps(scope=scope, name=name, caps=Caps(day_usd=1))]
    reply = AgentsReply(agents=[GatewayAgent(name="worker", directory="/")], caps=scoped)
    async with parts(tmp_path, clock=ManualClock(START), core=reply) as made, client_of(made.socket) as client:
        assert [(await ask(client, USES))[0] for _ in range(2)] == [200, 400]


async def test_an_hour_s_cap_is_free_again_in_the_next_hour(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with parts(tmp_path, clock=clock, core=core(Caps(hour_usd=1))) as made, client_of(made.socket) as client:
        assert [(await ask(client, USES))[0] for _ in range(2)] == [200, 400]
        await clock.advance(39 * 60)
        assert (await ask(client, USES))[0] == 400
        await clock.advance(60)
        assert (await ask(client, USES))[0] == 200
        assert spent(made) == 6.0


async def test_a_cap_can_be_raised_for_today(tmp_path: Path) -> None:
    clock = ManualClock(START)
    more = Raise(scope=Scope.AGENT, name="worker", until=datetime(2026, 5, 2, tzinfo=UTC), usd=2.5)
    async with parts(tmp_path, clock=clock, core=core(Caps(day_usd=1))) as made, client_of(made.socket) as client:
        assert [(await ask(client, USES))[0] for _ in range(2)] == [200, 400]
        made.desk.follow(core(Caps(day_usd=1), raises=[more]))
        assert [(await ask(client, USES))[0] for _ in range(2)] == [200, 400]
        await clock.advance(14 * 3600)
        assert [(await ask(client, USES))[0] for _ in range(2)] == [200, 400]


async def test_what_was_spent_survives_a_restart(tmp_path: Path) -> None:
    clock, reply = ManualClock(START), core(Caps(day_usd=5))
    async with parts(tmp_path, clock=clock, core=reply) as made, client_of(made.socket) as client:
        assert [(await ask(client, USES))[0] for _ in range(2)] == [200, 200]
    async with parts(tmp_path, clock=clock, core=reply) as made, client_of(made.socket) as client:
        assert spent(made) == 6.0
        assert (await ask(client, USES))[0] == 400


async def held_back(made: Parts, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Requests that have all come but for their last byte."""
    found = []
    for _ in range(count):
        reader, writer = await asyncio.open_unix_connection(str(made.socket))
        writer.write(WITHOUT_ITS_END)
        found.append((reader, writer))
    while len(made.desk._running) < count:
        await asyncio.sleep(0.001)
    return found


async def let_go(requests: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> list[int]:
    """The statuses of their answers, one after the other."""
    statuses = []
    for reader, writer in requests:
        writer.write(b"}")
        statuses.append(int((await reader.readline()).split()[1]))
        await reader.read()
        writer.close()
    return statuses


def almost(prompt: str) -> bytes:
    body = json.dumps({"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": prompt}]}).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    return f"{head}x-api-key: {PLACEHOLDER_API_KEY}\r\n\r\n".encode() + body[:-1]


WITHOUT_ITS_END = almost(USES)


async def test_holding_requests_back_over_the_border_of_an_hour_gains_nothing(tmp_path: Path) -> None:
    """They are charged to the hour in which they are let out, and not to the one in which they had begun to come."""
    clock = ManualClock(START)
    async with parts(tmp_path, clock=clock, core=core(Caps(hour_usd=4))) as made:
        requests = await held_back(made, 5)
        await clock.advance(3600)
        assert await let_go(requests) == [200, 200, 400, 400, 400]
        assert spent(made) == 6.0


async def test_holding_requests_back_over_the_border_of_a_turn_gains_nothing(tmp_path: Path) -> None:
    clock = ManualClock(START)
    caps, first = Caps(turn_usd=4), TurnMark(id="turn_1", started_at=START)
    async with parts(tmp_path, clock=clock, core=core(caps, turn=first)) as made:
        requests = await held_back(made, 3)
        await clock.advance(60)
        second = TurnMark(id="turn_2", started_at=START + timedelta(seconds=30))
        made.desk.follow(core(caps, turn=second))
        statuses = asyncio.create_task(let_go(requests))
        await until_sleeping(clock)
        await clock.advance(5)
        assert await statuses == [200, 200, 400]


@pytest.mark.parametrize(
    ("decided", "status"),
    [
        (core(stopped="by a test"), 0),  # cut off
        (core(Caps(day_usd=1)), 529),
        (core(models=["claude-haiku-*"]), 529),
        (core(account="nobody"), 200),
    ],
    ids=["stopped", "capped", "other models", "another account"],
)
async def test_what_is_decided_while_a_request_comes_counts_for_it(
    tmp_path: Path, decided: AgentsReply, status: int
) -> None:
    """The last is the positive control: the request is whole, and would pass; its account was chosen when it came."""
    seen, clock = Memory(), ManualClock(START)
    async with parts(tmp_path, stand_in=StandIn(clock, seen), clock=clock, core=core()) as made:
        requests = await held_back(made, 1)
        made.desk.follow(decided)
        if status:
            assert await let_go(requests) == [status]
        else:
            assert await requests[0][0].read() == b""
            requests[0][1].close()
    assert len(seen.requests) == (1 if status == 200 else 0)


async def test_stopping_everything_cuts_off_the_answers_that_are_being_given(tmp_path: Path) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        usage = {"type": "message_start", "message": {"model": MODEL, "usage": {"input_tokens": 1000}}}
        await response.write(f"data: {json.dumps(usage)}\n\n".encode())
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], core=core()) as made, client_of(made.socket) as client:
            answer = await client.post(MESSAGES, json={"model": MODEL, "max_tokens": 10, "stream": True})
            await answer.content.readany()
            made.desk.follow(core(stopped="by a test"))
            with pytest.raises(ClientError):
                await answer.read()
            await cancelled.wait()
            [spending] = [s for s in made.treasury.spending() if s.scope is Scope.AGENT]
            assert spending.day_tokens >= 1000


async def test_a_clock_that_was_set_wrong_forgets_nothing(tmp_path: Path) -> None:
    """Ahead by years, and back: in one life of the gateway, and over a start while it is wrong."""
    reply = core(Caps(day_usd=5))
    async with parts(tmp_path, clock=ManualClock(START), core=reply) as made, client_of(made.socket) as client:
        assert [(await ask(client, USES))[0] for _ in range(2)] == [200, 200]
    clock = ManualClock(START + timedelta(days=1000))
    async with parts(tmp_path, clock=clock, core=reply) as made, client_of(made.socket) as client:
        assert spent(made) == 0
        assert (await ask(client, USES))[0] == 200
        await clock.advance(-timedelta(days=1000).total_seconds())
        assert spent(made) == 6.0
        assert (await ask(client, USES))[0] == 400
    async with parts(tmp_path, clock=ManualClock(START), core=reply) as made:
        assert spent(made) == 6.0


async def test_a_turn_s_cap_begins_anew_with_each_turn(tmp_path: Path) -> None:
    clock = ManualClock(START)
    first = TurnMark(id="turn_1", started_at=START)
    caps = Caps(turn_usd=5)
    async with parts(tmp_path, clock=clock, core=core(caps, turn=first)) as made, client_of(made.socket) as client:
        assert [(await ask(client, USES))[0] for _ in range(2)] == [200, 200]
        refused = asyncio.create_task(ask(client, USES))
        await until_sleeping(clock)
        await clock.advance(5)
        assert (await refused)[0] == 400

        # The news of the second turn comes after its first request has: that one waits, and is the second turn's.
        await clock.advance(60)
        late = asyncio.create_task(ask(client, USES))
        await until_sleeping(clock)
        made.desk.follow(core(caps, turn=TurnMark(id="turn_2", started_at=START + timedelta(seconds=60))))
        assert (await late)[0] == 200
        assert (await ask(client, USES))[0] == 200


async def until_sleeping(clock: ManualClock) -> None:
    while not any(not future.done() for _, future in clock._sleepers):
        await asyncio.sleep(0.001)


async def test_many_requests_at_once_pass_a_cap_by_one_at_most(tmp_path: Path) -> None:
    """Positive control: without the cap all forty go out."""
    for cap, most in ((Caps(day_usd=10), 4), (Caps(), 40)):
        seen, clock = Memory(), ManualClock(START)
        directory = tmp_path / str(most)
        directory.mkdir()
        async with parts(directory, stand_in=StandIn(clock, seen), clock=clock, core=core(cap)) as made:
            async with client_of(made.socket) as client:
                prompt = f"{USES} {'x' * 100}"
                answers = await asyncio.gather(*(ask(client, prompt, max_tokens=300_000) for _ in range(40)))
        assert [status for status, _ in answers].count(200) == len(seen.requests) == most


async def test_a_model_that_is_not_known_costs_what_the_dearest_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with parts(tmp_path, clock=ManualClock(START)) as made, client_of(made.socket) as client:
        for _ in range(2):
            assert (await ask(client, "[[stand-in: usage input=0 output=1000000]] say x", model="new-9"))[0] == 200
        assert spent(made) == 150.0
    assert [r.message for r in caplog.records if "not known" in r.message] == [
        "the price of the model 'new-9' is not known: it counts as opus-4-0"
    ]


async def test_only_allowed_models_can_be_asked_for(tmp_path: Path) -> None:
    seen: list[bytes] = []

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(await request.read())
        return web.json_response({"model": MODEL, "usage": {"input_tokens": 1, "output_tokens": 1}})

    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], core=core(models=["claude-sonnet-*"])) as made:
            async with client_of(made.socket) as client:
                assert (await ask(client))[0] == 200
                status, refused = await ask(client, model="claude-opus-4-8")
                for body in (
                    b'{"model": "claude-sonnet-4-5", "max_tokens": 1, "messages": [], "model": "claude-opus-4-8"}',
                    b'{"model": "claude-opus-4-8", "model": "claude-sonnet-4-5"}',
                    rb'{"model": "claude-sonnet-4-5", "mod\u0065l": "claude-opus-4-8"}',
                    b'{"messages": []}',
                    b"{}",
                    b"",
                    '{"model": "claude-sonnet-4-5"}'.encode("utf-16"),
                ):
                    async with client.post(MESSAGES, data=body) as answer:
                        assert answer.status == 400
                for inside in ({"tools": [{"type": "advisor", "model": "claude-opus-4-8"}]}, {"fallbacks": [OPUS]}):
                    async with client.post(MESSAGES, json={"model": MODEL, "max_tokens": 1, **inside}) as answer:
                        assert answer.status == 404
                async with client.post(MESSAGES, data=b"x", headers={"content-encoding": "gzip"}) as answer:
                    assert answer.status == 415

    assert (status, refused["error"]["type"]) == (404, "not_found_error")
    assert "claude-sonnet-*" in refused["error"]["message"]
    assert len(seen) == 1


async def test_an_answer_that_does_not_say_what_it_used_is_charged_all_the_same(tmp_path: Path) -> None:
    async def api(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(body=b"x" * 4000, headers={"content-encoding": "br"})

    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], core=core(Caps(day_tokens=1500))) as made:
            async with client_of(made.socket) as client:
                async with client.post(MESSAGES, json={"model": MODEL, "max_tokens": 5}) as answer:
                    assert len(await answer.read()) == 4000
                [spending] = [s for s in made.treasury.spending() if s.scope is Scope.AGENT]

    assert spending.day_tokens >= 1000


async def test_an_answer_that_breaks_off_is_charged_for_what_came(tmp_path: Path) -> None:
    prompt = "[[stand-in: usage input=1000 output=9]] [[stand-in: drop-mid-stream]] say x"
    async with parts(tmp_path) as made, client_of(made.socket) as client:
        request = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": prompt}]}
        with pytest.raises(Exception, match="payload"):
            async with client.post(MESSAGES, json=request) as answer:
                await answer.read()
        [spending] = [s for s in made.treasury.spending() if s.scope is Scope.AGENT]

    assert (spending.requests, spending.day_tokens > 1000) == (1, True)


def no_inserts(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_INSERT else sqlite3.SQLITE_OK


async def test_when_nothing_can_be_written_down_nothing_is_spent(tmp_path: Path) -> None:
    seen = Memory()
    async with parts(tmp_path, stand_in=StandIn(recorder=seen), core=core(Caps(day_usd=1000))) as made:
        async with client_of(made.socket) as client:
            await made.book._do(lambda c: c.set_authorizer(no_inserts))
            assert (await ask(client))[0] == 200
            assert (await ask(client))[0] == 529
            await made.book._do(lambda c: c.set_authorizer(None))
            assert (await ask(client))[0] == 200
            assert len(seen.requests) == 2
            [spending] = [s for s in made.treasury.spending() if s.scope is Scope.AGENT]
            assert spending.requests == 2


async def test_an_answer_that_nobody_takes_keeps_no_room_from_others_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "UNTAKEN_SECONDS", 1)
    begun = asyncio.Event()

    async def api(request: web.BaseRequest) -> web.StreamResponse:
        if b"hoard" not in await request.read():
            return web.json_response({"model": MODEL, "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}})
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(b"data: {}\n\n" * 10_000)
            begun.set()

    hive = ScopedCaps(scope=Scope.HIVE, caps=Caps(day_usd=100))
    settings = UpstreamConfig(silence_seconds=1)
    async with (
        api_server(api) as server,
        parts(
            tmp_path,
            accounts=[api_account(base_url=str(server.make_url("/")))],
            settings=settings,
            core=core().model_copy(update={"caps": [hive]}),
        ) as made,
        client_of(made.socket) as client,
    ):
        hoarder = await client.post(
            MESSAGES, json={"model": MODEL, "max_tokens": 5_000_000, "stream": True, "messages": ["hoard"]}
        )
        await begun.wait()
        async with asyncio.timeout(20):
            assert (await ask(client, max_tokens=5_000_000))[0] == 200
        hoarder.close()
