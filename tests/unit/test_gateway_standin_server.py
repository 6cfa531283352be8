"""The stand-in model over HTTP: the shapes of the Messages API, usage, and failures on request."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from hive_gateway.standin.app import StandIn, build
from tests.support.manual_clock import ManualClock
from tests.support.seen import Memory

Client = TestClient[Any, Any]
Ask = Callable[..., Awaitable[aiohttp.ClientResponse]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def recorder() -> Memory:
    return Memory()


@pytest.fixture
async def client(clock: ManualClock, recorder: Memory) -> AsyncIterator[Client]:
    server = TestServer(build(StandIn(clock, recorder)))
    async with TestClient(server) as client:
        yield client


@pytest.fixture
def ask(client: Client) -> Ask:
    async def ask(prompt: str, *, path: str = "/v1/messages?beta=true", **more: Any) -> aiohttp.ClientResponse:
        request = {"model": "claude-x", "max_tokens": 100, "messages": [{"role": "user", "content": prompt}]}
        return await client.post(path, json=request | more)

    return ask


async def events(response: aiohttp.ClientResponse) -> list[dict[str, Any]]:
    found = []
    for block in (await response.text()).split("\n\n"):
        if block:
            name, data = block.split("\n")
            found.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {found[-1]['type']}"
    return found


def said(streamed: list[dict[str, Any]]) -> str:
    return "".join(event["delta"].get("text", "") for event in streamed if event["type"] == "content_block_delta")


async def test_a_message_without_streaming_is_one_object(ask: Ask) -> None:
    response = await ask("what is 6*7?")
    message = await response.json()

    assert response.headers["request-id"].startswith("req_")
    assert message.pop("id").startswith("msg_")
    assert message.pop("usage").keys() == {
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
    }
    assert message == {
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [{"type": "text", "text": "6*7 = 42"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
    }


async def test_a_streamed_message_has_the_events_of_the_messages_api_in_their_order(ask: Ask) -> None:
    response = await ask("say " + "x" * 30, stream=True)
    streamed = await events(response)

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [event["type"] for event in streamed] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert streamed[0]["message"]["content"] == []
    assert streamed[0]["message"]["stop_reason"] is None
    assert streamed[2] == {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    assert said(streamed) == "x" * 30
    assert streamed[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert streamed[-2]["usage"]["output_tokens"] > 1


async def test_a_streamed_tool_call_carries_its_input_as_pieces_of_json(ask: Ask) -> None:
    streamed = await events(await ask("run date", stream=True, tools=[{"name": "Bash"}]))
    start = next(event for event in streamed if event["type"] == "content_block_start")["content_block"]
    deltas = [event["delta"] for event in streamed if event["type"] == "content_block_delta"]

    assert (start["type"], start["name"], start["input"]) == ("tool_use", "Bash", {})
    assert {delta["type"] for delta in deltas} == {"input_json_delta"}
    assert json.loads("".join(delta["partial_json"] for delta in deltas))["command"] == "date"
    assert streamed[-2]["delta"]["stop_reason"] == "tool_use"


async def test_tokens_are_counted(ask: Ask) -> None:
    small = await (await ask("hello", path="/v1/messages/count_tokens")).json()
    large = await (await ask("hello" * 1000, path="/v1/messages/count_tokens")).json()

    assert large["input_tokens"] - small["input_tokens"] == pytest.approx(5000 / 4, abs=2)


async def test_what_an_earlier_request_cached_is_read_from_the_cache(ask: Ask) -> None:
    cached = {"cache_control": {"type": "ephemeral"}}
    first = {"role": "user", "content": [{"type": "text", "text": "say " + "x" * 4000, **cached}]}
    answer = {"role": "assistant", "content": "y" * 400}
    second = {"role": "user", "content": [{"type": "text", "text": "say z", **cached}]}

    one = (await (await ask("", messages=[first])).json())["usage"]
    two = (await (await ask("", messages=[first, answer, second])).json())["usage"]
    uncached = (await (await ask("say " + "x" * 4000)).json())["usage"]

    assert one["cache_read_input_tokens"] == 0
    assert one["cache_creation_input_tokens"] > 1000
    assert two["cache_read_input_tokens"] == pytest.approx(one["cache_creation_input_tokens"], abs=1)
    assert 100 < two["cache_creation_input_tokens"] < 200
    assert (uncached["cache_creation_input_tokens"], uncached["cache_read_input_tokens"]) == (0, 0)


async def test_usage_can_be_dictated(ask: Ask) -> None:
    message = await (await ask("[[stand-in: usage input=150000 output=7]] hi")).json()

    assert message["usage"] == {
        "input_tokens": 150000,
        "output_tokens": 7,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }


async def test_an_error_has_the_api_s_shape_and_strikes_as_often_as_it_was_told_to(ask: Ask) -> None:
    prompt = "[[stand-in: error 529 times=2 retry-after=5]] say x"
    failures = [await ask(prompt) for _ in range(2)]

    for failure in failures:
        body = await failure.json()
        assert (failure.status, failure.headers["retry-after"]) == (529, "5")
        assert (body["type"], body["error"]["type"]) == ("error", "overloaded_error")
    assert (await ask(prompt)).status == 200
    assert (await ask(prompt + " and another message")).status == 529


@pytest.mark.parametrize(
    ("directive", "status", "error_type"),
    [
        ("error 401", 401, "authentication_error"),
        ("error 429", 429, "rate_limit_error"),
        ("error 500", 500, "api_error"),
        ("overflow", 400, "invalid_request_error"),
    ],
)
async def test_errors_are_typed_as_the_api_does(ask: Ask, directive: str, status: int, error_type: str) -> None:
    response = await ask(f"[[stand-in: {directive}]]")

    assert (response.status, (await response.json())["error"]["type"]) == (status, error_type)


async def test_a_unified_limit_holds_until_its_reset(ask: Ask, clock: ManualClock) -> None:
    prompt = "[[stand-in: unified-limit resets_in=60 claim=seven_day]] say x"
    first = await ask(prompt)
    await clock.advance(59)
    second = await ask(prompt)
    await clock.advance(1)

    assert first.status == second.status == 429
    resets = {response.headers["anthropic-ratelimit-unified-reset"] for response in (first, second)}
    assert resets == {str(int(clock.now().timestamp()))}
    assert first.headers["anthropic-ratelimit-unified-representative-claim"] == "seven_day"
    assert (await ask(prompt)).status == 200


async def test_an_error_can_come_inside_the_stream(ask: Ask) -> None:
    streamed = await events(await ask("[[stand-in: error 529 in-stream]] say x", stream=True))

    assert streamed[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


async def test_a_stream_can_be_dropped_in_its_middle(ask: Ask) -> None:
    response = await ask("[[stand-in: drop-mid-stream times=1]] say " + "x" * 100, stream=True)

    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()
    assert (await ask("[[stand-in: drop-mid-stream times=1]] say " + "x" * 100)).status == 200


async def test_a_request_can_be_dropped_before_its_answer(ask: Ask) -> None:
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask("[[stand-in: drop-mid-stream]] say x")


async def test_a_delay_and_a_slow_answer_take_their_time_by_the_clock(ask: Ask, clock: ManualClock) -> None:
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(ask("[[stand-in: delay 2s]] wait 20 seconds then say x", stream=True))
        response = await _while_advancing(clock, asked)
        assert clock.monotonic() >= 2
        await _while_advancing(clock, group.create_task(response.read()))

    assert clock.monotonic() == pytest.approx(22, abs=1)


async def test_a_silent_stream_begins_and_says_no_more(ask: Ask) -> None:
    response = await ask("[[stand-in: silent]] say x", stream=True)
    first = await response.content.readuntil(b"\n\n")
    response.close()

    assert first.startswith(b"event: message_start")


async def test_what_is_no_request_is_refused(client: Client) -> None:
    answers = {
        "not JSON": await client.post("/v1/messages", data="{"),
        "deep JSON": await client.post("/v1/messages", data="[" * 200_000),
        "a list": await client.post("/v1/messages", json=[]),
        "another path": await client.post("/v1/complete", json={}),
        "GET": await client.get("/v1/messages"),
    }

    assert {what: answer.status for what, answer in answers.items()} == {
        "not JSON": 400,
        "deep JSON": 400,
        "a list": 400,
        "another path": 404,
        "GET": 405,
    }
    assert {(await answer.json())["type"] for answer in answers.values()} == {"error"}


async def test_the_cli_s_look_whether_anything_is_there_succeeds(client: Client) -> None:
    assert (await client.head("/")).status == 200


@pytest.mark.parametrize("piece", ["<message ", "<system-reminder>", "[[stand-in: ", " ", '"', "say ", "1 ", "("])
async def test_a_hostile_prompt_is_answered_without_delay(ask: Ask, piece: str) -> None:
    """Each would take hours if the patterns backtracked; the test's time limit is the assertion."""
    assert (await ask(piece * (500_000 // len(piece)))).status == 200


async def test_a_recorder_sees_what_arrives(ask: Ask, recorder: Memory) -> None:
    await ask("say x")

    assert [seen.path for seen in recorder.requests] == ["/v1/messages?beta=true"]
    assert json.loads(recorder.requests[0].body)["model"] == "claude-x"


async def _while_advancing(clock: ManualClock, task: "asyncio.Task[Any]") -> Any:
    """The result of a task, with the clock moving on as long as it takes."""
    while not task.done():
        await clock.advance(0.5)
        await asyncio.sleep(0)
    return await task
