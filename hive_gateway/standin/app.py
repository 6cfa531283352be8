"""The stand-in as a backend of the gateway, and as a server of its own."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from multidict import CIMultiDict

from hive_base.clock import Clock, SystemClock
from hive_base.ids import new_id
from hive_gateway.backend import Backend
from hive_gateway.errors import ApiError, error_type, with_api_errors
from hive_gateway.exchange import Exchange
from hive_gateway.route import Route, route_of
from hive_gateway.standin import conversation, events, planner, usage
from hive_gateway.standin.directives import Fault, FaultKind
from hive_gateway.standin.faults import Faults, words
from hive_gateway.standin.recorder import Nothing, Recorder, Seen

_IN_PLACE = 256 * 1024
"""Bytes of a request that may be thought about on the event loop; that is a few milliseconds."""

T = TypeVar("T")


class StandIn:
    """The stand-in model. Its answers are a function of the request, its delays are the clock's."""

    def __init__(self, clock: Clock | None = None, recorder: Recorder | None = None) -> None:
        self._clock = clock or SystemClock()
        self._recorder = recorder or Nothing()
        self._faults = Faults(self._clock)

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        arrived, request = self._clock.monotonic(), exchange.request
        body = await exchange.read()
        self._recorder.saw(Seen(arrived, exchange.agent, request.raw_path, dict(request.headers), body))
        if exchange.route is Route.COUNT_TOKENS:
            return await exchange.respond_json({"input_tokens": await _unblocked(_count, body)}, {})
        return await self._message(exchange, await _unblocked(_consider, body))

    async def _message(self, exchange: Exchange, answer: "_Answer") -> web.StreamResponse:
        await self._clock.sleep(sum(wanted.directives.delay for wanted in answer.plan.instructions))
        fault = self._faults.strike(exchange.agent, answer.plan.instructions)
        message_id, response = new_id("msg"), answer.plan.response
        if answer.stream:
            planned = list(events.stream(message_id, answer.model, response, answer.usage))
            return await self._stream(exchange, planned, fault)
        return await self._whole(
            exchange, events.message(message_id, answer.model, response, answer.usage), response, fault
        )

    async def _whole(
        self, exchange: Exchange, message: Mapping[str, Any], response: planner.Response, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is not None:
            await _break_off(fault)
            raise ApiError(fault.status, words(fault.status))
        await self._clock.sleep(response.seconds)
        return await exchange.respond_json(message, {"request-id": new_id("req")})

    async def _stream(self, exchange: Exchange, answer: list[events.Event], fault: Fault | None) -> web.StreamResponse:
        headers = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            "request-id": new_id("req"),
        }
        response = await exchange.respond(200, CIMultiDict(headers))
        for event in answer if fault is None else _first_words(answer):
            if event.wait:
                await self._clock.sleep(event.wait)
            await response.write(event.encode())
        if fault is not None:
            await _break_off(fault)
            await response.write(events.error(error_type(fault.status), words(fault.status)).encode())
        return response


async def _break_off(fault: Fault) -> None:
    """What a fault does to the connection, if anything."""
    if fault.kind is FaultKind.SILENT:
        await asyncio.Event().wait()
    if fault.kind is FaultKind.DROP_MID_STREAM:
        raise ConnectionResetError("The stand-in was asked to drop the connection.")


def _first_words(answer: list[events.Event]) -> list[events.Event]:
    """Up to and with the first delta."""
    first = next(at for at, event in enumerate(answer) if event.data["type"] == "content_block_delta")
    return answer[: first + 1]


@dataclass(frozen=True)
class _Answer:
    model: str
    stream: bool
    plan: planner.Plan
    usage: usage.Usage


def _consider(body: bytes) -> _Answer:
    asked = _parsed(body)
    read = conversation.read(asked)
    plan = planner.plan(read)
    used = usage.measure(asked, events.content(plan.response))
    for wanted in plan.instructions:
        used = usage.overridden(used, wanted.directives.usage)
    return _Answer(read.model, read.stream, plan, used)


def _count(body: bytes) -> int:
    return usage.of_request(_parsed(body))


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise ApiError(HTTPStatus.BAD_REQUEST, "The request body is not valid JSON.")
    return asked


async def _unblocked(think: Callable[[bytes], T], body: bytes) -> T:
    return think(body) if len(body) <= _IN_PLACE else await asyncio.to_thread(think, body)


def build(backend: Backend) -> web.Application:
    """A server that answers from a backend whatever credential the client has: for tests and benches, on loopback."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        route = route_of(request)
        return web.Response() if route is None else await backend.answer(Exchange(request, route, "alone"))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", with_api_errors(handle))
    return app
