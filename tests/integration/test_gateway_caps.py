"""Caps: what is metered, what is refused before it is sent, and that nothing gets by."""

import asyncio
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from hive_base.clock import ManualClock
from hive_gateway.standin.app import StandIn
from hive_gateway.standin.recorder import Memory
from hive_rpc.accounts import Caps, HoldKind, Raise, Scope, ScopedCaps
from hive_rpc.interfaces.gateway import AgentsReply, GatewayAgent, TurnMark
from tests.support.gateway import MESSAGES, Parts, api_account, api_server, client_of, parts

START = datetime(2026, 5, 1, 10, 20, tzinfo=UTC)
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
