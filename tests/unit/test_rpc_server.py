"""What a server does for any client, however it behaves: these clients speak raw bytes."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from hive_rpc.codec import Call
from hive_rpc.connection import LARGE, READ_AHEAD
from hive_rpc.dispatch import Bound, Dispatcher
from hive_rpc.errors import ConflictError, ForbiddenError, RateLimitedError
from hive_rpc.interface import Interface
from hive_rpc.server import Peer, Server
from hive_rpc.types import MAX_FRAME, MAX_VALUES
from tests.support.rpc import EchoService, RawPeer, frame

SOCKET_BUFFERS = 1024 * 1024
"""More than the kernel keeps for one unix socket in both directions."""


def _noting_the_round(rounds: dict[str, int]) -> Callable[[Dispatcher, Call], Bound]:
    """`Dispatcher.bind`, which also notes by the first letter of the text in which round of the loop it was called."""
    bind = Dispatcher.bind
    round_now = 0

    def tick() -> None:
        nonlocal round_now
        round_now += 1
        asyncio.get_running_loop().call_soon(tick)

    def noting(dispatcher: Dispatcher, call: Call) -> Bound:
        rounds[call.parameters["text"][0]] = round_now
        return bind(dispatcher, call)

    tick()
    return noting


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[EchoService]:
    async with EchoService(tmp_path).serving() as service:
        yield service


@pytest.fixture
async def peer(service: EchoService) -> AsyncIterator[RawPeer]:
    async with RawPeer.connected(service.path) as peer:
        yield peer


class TestCalls:
    async def test_a_call_is_answered(self, peer: RawPeer) -> None:
        peer.call("Say", {"text": "hello"})
        assert await peer.reply() == {"parameters": {"text": "hello", "colour": "red", "extra": {}}}

    async def test_calls_sent_without_waiting_are_answered_in_order(self, peer: RawPeer) -> None:
        for number in range(2000):
            peer.call("Say", {"text": str(number)})
        assert [(await peer.reply())["parameters"]["text"] for _ in range(2000)] == [str(n) for n in range(2000)]

    async def test_a_call_may_arrive_byte_by_byte(self, peer: RawPeer) -> None:
        for byte in frame({"method": "org.hive.test.Echo.Say", "parameters": {"text": "slow"}}):
            peer.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await peer.reply())["parameters"]["text"] == "slow"

    async def test_a_oneway_call_is_carried_out_and_not_answered(self, service: EchoService, peer: RawPeer) -> None:
        peer.call("Say", {"text": "quiet"}, oneway=True)
        peer.call("Fail", {"text": ""}, oneway=True)
        peer.call("Nonsense", oneway=True)
        peer.call("Count", {"upto": 1}, oneway=True, more=True)
        peer.call("Say", {"text": "loud"})
        assert (await peer.reply())["parameters"]["text"] == "loud"
        assert service.story.events == ["say quiet", "say loud"]

    async def test_the_server_knows_which_process_is_calling(self, service: EchoService, peer: RawPeer) -> None:
        peer.call("Say", {"text": "hello"})
        await peer.reply()
        assert service.peers == [Peer(pid=os.getpid(), uid=os.geteuid(), gid=os.getegid())]

    async def test_unknown_fields_are_ignored(self, peer: RawPeer) -> None:
        peer.call("Say", {"text": "hello", "from_the_future": [1, 2]}, also=True)
        assert "error" not in await peer.reply()


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "name", "parameters"),
        [
            ("org.example.Other.Say", "InterfaceNotFound", {"interface": "org.example.Other"}),
            ("Say", "InterfaceNotFound", {"interface": ""}),
            ("org.hive.test.Echo.Shout", "MethodNotFound", {"method": "org.hive.test.Echo.Shout"}),
            ("org.hive.test.Echo.closed", "MethodNotFound", {"method": "org.hive.test.Echo.closed"}),
            ("org.hive.test.Echo.NotThere", "MethodNotImplemented", {"method": "org.hive.test.Echo.NotThere"}),
            ("org.hive.test.Echo.Count", "ExpectedMore", {}),
        ],
    )
    async def test_varlink_names_what_cannot_be_called(
        self, peer: RawPeer, method: str, name: str, parameters: dict[str, str]
    ) -> None:
        peer.writer.write(frame({"method": method, "parameters": {"upto": 1}}))
        assert await peer.reply() == {"error": f"org.varlink.service.{name}", "parameters": parameters}

    @pytest.mark.parametrize(
        ("parameters", "field"),
        [
            ({}, "text"),
            ({"text": 3}, "text"),
            ({"text": "t", "name": "No!"}, "name"),
            ({"text": "t", "extra": 1}, "extra"),
        ],
    )
    async def test_an_invalid_parameter_is_named_and_explained(
        self, peer: RawPeer, parameters: dict[str, object], field: str
    ) -> None:
        peer.call("Say", parameters)
        reply = await peer.reply()
        assert reply["error"] == "org.varlink.service.InvalidParameter"
        assert reply["parameters"]["parameter"] == field
        assert reply["parameters"]["message"].startswith(f"{field}: ")

    async def test_an_error_of_the_family_is_told_with_what_to_do(self, service: EchoService) -> None:
        service.failure = RateLimitedError("Slow down.", hint="Wait.", retry_after=2.0, limit=5)
        async with RawPeer.connected(service.path) as peer:
            peer.call("Fail", {"text": ""})
            assert await peer.reply() == {
                "error": "org.hive.RateLimited",
                "parameters": {"message": "Slow down.", "hint": "Wait.", "retry_after": 2.0, "limit": 5},
            }

    @pytest.mark.parametrize("failure", [ValueError("the secret is 42"), asyncio.CancelledError("the secret is 42")])
    async def test_a_bug_is_logged_and_its_inside_is_not_told(
        self, service: EchoService, caplog: pytest.LogCaptureFixture, failure: BaseException
    ) -> None:
        service.failure = failure
        async with RawPeer.connected(service.path) as peer:
            peer.call("Fail", {"text": ""})
            peer.call("Count", {"upto": 0, "then": "fail"}, more=True)
            for _ in range(2):
                reply = await peer.reply()
                assert reply["error"] == "org.hive.Internal"
                assert "42" not in json.dumps(reply)
            peer.call("Say", {"text": "still here"})
            assert (await peer.reply())["parameters"]["text"] == "still here"
        assert "the secret is 42" in caplog.text

    async def test_a_peer_that_gets_no_handlers_is_told_why(self, tmp_path: Path) -> None:
        def refuse(peer: Peer) -> Sequence[Interface]:
            raise ForbiddenError("Not you.")

        server = Server(refuse)
        await server.listen(tmp_path / "s")
        async with RawPeer.connected(tmp_path / "s") as peer:
            peer.call("Say", {"text": "hello"})
            assert (await peer.reply())["error"] == "org.hive.Forbidden"
            assert await peer.rest() == b""
        await server.close()


class TestLimits:
    async def test_a_frame_over_the_limit_is_refused_in_its_turn_and_ends_the_connection(self, peer: RawPeer) -> None:
        peer.call("Say", {"text": "before"})
        peer.call("Say", {"text": "x" * MAX_FRAME})
        peer.call("Say", {"text": "after"})
        assert (await peer.reply())["parameters"]["text"] == "before"
        reply = await peer.reply()
        assert (reply["error"], reply["parameters"]["limit"]) == ("org.hive.TooLarge", MAX_FRAME)
        assert await peer.rest() == b""

    async def test_a_frame_that_never_ends_is_refused(self, peer: RawPeer) -> None:
        peer.writer.write(b"x" * (MAX_FRAME + 1))
        assert (await peer.reply())["error"] == "org.hive.TooLarge"
        assert await peer.rest() == b""

    async def test_a_frame_of_just_the_limit_is_answered(self, peer: RawPeer) -> None:
        call = b'{"method":"org.hive.test.Echo.Count","more":true,"parameters":{"upto":0}}'
        peer.writer.write(call + b" " * (MAX_FRAME - len(call)) + b"\0")
        assert await peer.reply() == {"parameters": {}}

    async def test_a_reply_over_the_limit_becomes_an_error_and_the_connection_goes_on(self, peer: RawPeer) -> None:
        peer.call("Count", {"upto": 1, "size": MAX_FRAME}, more=True)
        assert (await peer.reply())["error"] == "org.hive.TooLarge"
        peer.writer.write(frame({"method": "org.hive.test.Echo." + "X" * (MAX_FRAME - 40)}))
        assert (await peer.reply())["error"] == "org.hive.TooLarge"
        peer.call("Say", {"text": "next"})
        assert (await peer.reply())["parameters"]["text"] == "next"

    @pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n\r\n\0", b"\0", b"\xff\0", b"[]\0", b'{"no":"method"}\0'])
    async def test_what_is_not_varlink_ends_the_connection_and_no_other(
        self, service: EchoService, peer: RawPeer, junk: bytes
    ) -> None:
        async with RawPeer.connected(service.path) as other:
            peer.call("Say", {"text": "before"})
            peer.writer.write(junk)
            assert (await peer.reply())["parameters"]["text"] == "before"
            assert await peer.rest() == b""
            other.call("Say", {"text": "fine"})
            assert (await other.reply())["parameters"]["text"] == "fine"

    @pytest.mark.parametrize("junk", [b"\0", frame({"method": "org.hive.test.Echo.Say", "parameters": {"text": "x"}})])
    async def test_a_peer_that_only_sends_is_not_read_for_ever(
        self, service: EchoService, peer: RawPeer, junk: bytes
    ) -> None:
        peer.call("Work", {"text": ""})
        await service.story.until("work begins")
        peer.writer.write(junk * (8 * SOCKET_BUFFERS // len(junk)))
        for _ in range(100):
            await asyncio.sleep(0)
        assert peer.writer.transport.get_write_buffer_size() > 4 * SOCKET_BUFFERS

    async def test_calls_that_had_to_wait_are_answered_all_the_same(self, service: EchoService, peer: RawPeer) -> None:
        peer.call("Work", {"text": ""})
        for number in range(100):
            peer.call("Say", {"text": f"{number:04}" + "x" * READ_AHEAD})
        await service.story.until("work begins")
        service.release.set()
        await peer.reply()
        assert [(await peer.reply())["parameters"]["text"][:4] for _ in range(100)] == [f"{n:04}" for n in range(100)]

    async def test_a_peer_that_does_not_read_is_dropped(self, tmp_path: Path) -> None:
        async with (
            EchoService(tmp_path).serving(stall_seconds=0.05) as service,
            RawPeer.connected(service.path) as peer,
        ):
            peer.writer.transport.pause_reading()
            peer.call("Count", {"upto": 1_000_000, "size": 10_000}, more=True)
            await service.story.until("closed")
            assert service.story.events == ["count ends", "closed"]
            assert service.connections[0].counted * 10_000 < 2 * SOCKET_BUFFERS

    async def test_a_peer_that_reads_slowly_is_kept(self, tmp_path: Path) -> None:
        async with (
            EchoService(tmp_path).serving(stall_seconds=5) as service,
            RawPeer.connected(service.path) as peer,
        ):
            peer.call("Count", {"upto": 300, "size": 10_000}, more=True)
            numbers = []
            while "parameters" in (reply := await peer.reply()) and reply["parameters"]:
                numbers.append(reply["parameters"]["number"])
                await asyncio.sleep(0)
            assert numbers == list(range(300))

    async def test_a_peer_that_floods_the_server_behind_a_stream_is_dropped(
        self, service: EchoService, peer: RawPeer
    ) -> None:
        peer.call("Count", {"upto": 1, "then": "wait"}, more=True)
        await service.story.until("count waits")
        for _ in range(3):
            peer.call("Say", {"text": "x" * READ_AHEAD})
        await service.story.until("closed")
        assert service.story.events == ["count waits", "count ends", "closed"]

    async def test_a_call_of_too_many_values_is_refused_before_any_is_looked_at(self, peer: RawPeer) -> None:
        wrong: dict[str, object] = {"text": {str(number): None for number in range(MAX_VALUES)}}
        peer.call("Say", wrong)
        refusal = await peer.reply()
        assert (refusal["error"], refusal["parameters"]["limit"]) == ("org.hive.TooLarge", MAX_VALUES)
        peer.call("Say", {"text": "many", "extra": {"values": [[]] * (MAX_VALUES - 4)}})
        assert len((await peer.reply())["parameters"]["extra"]["values"]) == MAX_VALUES - 4

    async def test_between_two_large_calls_everybody_else_is_served(
        self, service: EchoService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rounds: dict[str, int] = {}
        monkeypatch.setattr(Dispatcher, "bind", _noting_the_round(rounds))
        async with contextlib.AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(RawPeer.connected(service.path)) for _ in range(6)]
            for peer in peers:
                peer.call("Say", {"text": "here"})
                await peer.reply()
            for number, peer in enumerate(peers):
                peer.call("Say", {"text": f"{number}" + "x" * (LARGE if number < 3 else 0)})
            for peer in peers:
                await peer.reply()
        assert len({rounds[number] for number in "012"}) == 3, "each large call in a round of the loop of its own"
        assert len({rounds[number] for number in "345"}) == 1, "small ones need no turn"

    async def test_between_many_small_calls_everybody_else_is_served(
        self, service: EchoService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = most = 0
        bind = Dispatcher.bind

        def counting(dispatcher: Dispatcher, call: Call) -> Bound:
            nonlocal calls
            calls += 1
            return bind(dispatcher, call)

        def tick() -> None:
            nonlocal calls, most
            most, calls = max(most, calls), 0
            asyncio.get_running_loop().call_soon(tick)

        monkeypatch.setattr(Dispatcher, "bind", counting)
        tick()
        async with contextlib.AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(RawPeer.connected(service.path)) for _ in range(4)]
            for peer in peers:
                peer.writer.write(frame({"method": "x", "oneway": True}) * 5000)
                peer.call("Say", {"text": "here"})
            for peer in peers:
                await peer.reply()
        assert most <= 4 * LARGE / 512, "each may have had so many, before they have to take turns"

    async def test_peers_that_misbehave_do_not_fill_the_log(
        self, service: EchoService, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(20):
            async with RawPeer.connected(service.path) as peer:
                peer.writer.write(b"nonsense\0")
                assert await peer.rest() == b""
        assert len([record for record in caplog.records if "is not JSON" in record.getMessage()]) == 1

    async def test_one_server_has_so_many_connections_and_no_more(self, tmp_path: Path) -> None:
        async with (
            EchoService(tmp_path).serving(max_connections=2) as service,
            RawPeer.connected(service.path) as first,
            RawPeer.connected(service.path) as second,
        ):
            for peer in (first, second):
                peer.call("Say", {"text": "in"})
                await peer.reply()
            async with RawPeer.connected(service.path) as third:
                assert await third.rest() == b""
            await first.leave()
            await service.story.until("closed")
            second.call("Say", {"text": "still in"})
            await second.reply()
            async with RawPeer.connected(service.path) as third:
                third.call("Say", {"text": "in now"})
                assert (await third.reply())["parameters"]["text"] == "in now"


class TestStreams:
    async def test_each_item_says_that_more_follow_and_the_end_carries_none(self, peer: RawPeer) -> None:
        peer.call("Count", {"upto": 2}, more=True)
        assert [await peer.reply() for _ in range(3)] == [
            {"continues": True, "parameters": {"number": 0, "padding": ""}},
            {"continues": True, "parameters": {"number": 1, "padding": ""}},
            {"parameters": {}},
        ]

    async def test_an_error_ends_a_stream(self, peer: RawPeer) -> None:
        peer.call("Count", {"upto": 1, "then": "fail"}, more=True)
        peer.call("Say", {"text": "next"})
        replies = [await peer.reply() for _ in range(3)]
        assert [reply.get("error") for reply in replies] == [None, "org.hive.Internal", None]
        assert replies[2]["parameters"]["text"] == "next"

    async def test_a_call_behind_a_stream_waits_for_its_end(self, peer: RawPeer) -> None:
        peer.call("Count", {"upto": 2}, more=True)
        peer.call("Say", {"text": "last"})
        assert [("text" in (await peer.reply())["parameters"]) for _ in range(4)] == [False, False, False, True]


class TestAPeerThatGoes:
    async def test_its_stream_ends_though_the_next_item_never_comes(self, service: EchoService, peer: RawPeer) -> None:
        peer.call("Count", {"upto": 1, "then": "wait"}, more=True)
        await service.story.until("count waits")
        await peer.leave()
        await service.story.until("closed")
        assert service.story.events == ["count waits", "count ends", "closed"]

    async def test_its_stream_ends_though_it_only_stopped_sending(self, service: EchoService, peer: RawPeer) -> None:
        peer.call("Count", {"upto": 1, "then": "wait"}, more=True)
        await service.story.until("count waits")
        peer.writer.write_eof()
        await service.story.until("closed")
        assert service.story.events == ["count waits", "count ends", "closed"]

    async def test_its_long_poll_is_cancelled(self, service: EchoService, peer: RawPeer) -> None:
        peer.call("Wait", {"text": ""})
        await service.story.until("wait begins")
        await peer.leave()
        await service.story.until("closed")
        assert service.story.events == ["wait begins", "wait ends", "closed"]

    async def test_its_call_in_progress_is_carried_out(self, service: EchoService, peer: RawPeer) -> None:
        peer.call("Work", {"text": ""})
        await service.story.until("work begins")
        await peer.leave()
        service.release.set()
        await service.story.until("closed")
        assert service.story.events == ["work begins", "work done", "closed"]

    async def test_what_it_had_sent_is_carried_out_but_no_stream_begins(
        self, service: EchoService, peer: RawPeer
    ) -> None:
        peer.call("Work", {"text": ""})
        peer.call("Count", {"upto": 1}, more=True)
        peer.call("Wait", {"text": ""})
        peer.call("Say", {"text": "bye"}, oneway=True)
        peer.writer.write(b'{"method":"org.hive.test.Echo.Say","parameters":{"text":"unfini')
        await service.story.until("work begins")
        await peer.leave()
        service.release.set()
        await service.story.until("closed")
        assert service.story.events == ["work begins", "work done", "say bye", "closed"]

    async def test_one_that_only_stopped_sending_gets_its_replies(self, peer: RawPeer) -> None:
        for text in ("one", "two"):
            peer.call("Say", {"text": text})
        peer.writer.write_eof()
        replies = [json.loads(part) for part in (await peer.rest()).split(b"\0")[:-1]]
        assert [reply["parameters"]["text"] for reply in replies] == ["one", "two"]

    async def test_a_handler_that_fails_at_the_end_does_not_keep_another_from_being_told(self, tmp_path: Path) -> None:
        service = EchoService(tmp_path)

        class Broken(Interface, name="org.hive.test.Broken"):
            async def closed(self) -> None:
                raise ValueError

        server = Server(lambda peer: [Broken(), *service.handlers(peer)])
        await server.listen(service.path)
        async with RawPeer.connected(service.path):
            pass
        await service.story.until("closed")
        await server.close()


class TestListening:
    async def test_a_socket_has_its_rights(self, tmp_path: Path) -> None:
        server = Server(lambda peer: [])
        await server.listen(tmp_path / "s", mode=0o640, uid=os.geteuid(), gid=os.getegid())
        found = (tmp_path / "s").stat()
        assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o640, os.geteuid(), os.getegid())
        await server.close()
        assert not (tmp_path / "s").exists()

    async def test_several_sockets_may_lead_to_one_server(self, tmp_path: Path) -> None:
        service = EchoService(tmp_path)
        server = Server(service.handlers)
        for name in ("a", "b"):
            await server.listen(tmp_path / name)
        for name in ("a", "b"):
            async with RawPeer.connected(tmp_path / name) as peer:
                peer.call("Say", {"text": name})
                assert (await peer.reply())["parameters"]["text"] == name
        await server.close()

    async def test_what_a_dead_server_left_is_replaced(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(tmp_path / "echo.sock"))
        async with EchoService(tmp_path).serving() as service, RawPeer.connected(service.path) as peer:
            peer.call("Say", {"text": "alive"})
            assert (await peer.reply())["parameters"]["text"] == "alive"

    async def test_a_living_server_is_not_replaced(self, service: EchoService) -> None:
        with pytest.raises(ConflictError):
            await Server(service.handlers).listen(service.path)
        async with RawPeer.connected(service.path) as peer:
            peer.call("Say", {"text": "mine"})
            assert (await peer.reply())["parameters"]["text"] == "mine"

    async def test_a_file_is_not_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "s").write_text("precious")
        with pytest.raises(ConflictError):
            await Server(lambda peer: []).listen(tmp_path / "s")
        assert (tmp_path / "s").read_text() == "precious"

    async def test_a_socket_that_somebody_else_made_since_is_left_alone(self, tmp_path: Path) -> None:
        first = Server(lambda peer: [])
        await first.listen(tmp_path / "s")
        (tmp_path / "s").rename(tmp_path / "moved")
        second = Server(lambda peer: [])
        await second.listen(tmp_path / "s")
        await first.close()
        assert (tmp_path / "s").is_socket()
        await second.close()

    async def test_closing_ends_streams_and_long_polls_and_lets_work_finish(self, tmp_path: Path) -> None:
        service = EchoService(tmp_path)
        server = Server(service.handlers)
        await server.listen(service.path)
        async with contextlib.AsyncExitStack() as stack:
            calls = [("Count", "count waits"), ("Wait", "wait begins"), ("Work", "work begins")]
            for method, begun in calls:
                peer = await stack.enter_async_context(RawPeer.connected(service.path))
                parameters = {"text": "", "upto": 1, "then": "wait"}
                peer.call(method, parameters, more=method == "Count")
                peer.call("Say", {"text": "never"})
                await service.story.until(begun)
            async with asyncio.TaskGroup() as group:
                group.create_task(server.close())
                await service.story.until("wait ends")
                await service.story.until("count ends")
                service.release.set()
            assert (await peer.reply())["parameters"]["text"] == ""
        assert service.story.events.count("closed") == 3
        assert "work done" in service.story.events
        assert "say never" not in service.story.events
