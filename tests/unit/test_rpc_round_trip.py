from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from hive_rpc.client import connect
from hive_rpc.errors import UnknownRecipientError
from hive_rpc.interface import Interface
from hive_rpc.interfaces.agent import Agent, Command, CommandKind, SendReply, SendRequest
from hive_rpc.server import Peer, Server
from hive_rpc.types import Empty


class Handler(Agent):
    async def send(self, request: SendRequest) -> SendReply:
        if request.to == "nobody":
            raise UnknownRecipientError(hint="Ask who is there.")
        return SendReply(id=f"msg_{request.body}")

    async def commands(self, request: Empty) -> AsyncIterator[Command]:
        yield Command(kind=CommandKind.DRAIN)
        yield Command(kind=CommandKind.CANCEL)


def handlers(peer: Peer) -> Sequence[Interface]:
    return [Handler()]


async def test_a_proxy_calls_and_streams(tmp_path: Path) -> None:
    server = Server(handlers)
    await server.listen(tmp_path / "a.sock")
    async with connect(tmp_path / "a.sock") as client:
        agent = client.proxy(Agent)
        assert (await agent.send(SendRequest(to="worker", body="x"))).id == "msg_x"
        assert [c.kind async for c in agent.commands(Empty())] == [CommandKind.DRAIN, CommandKind.CANCEL]
        with pytest.raises(UnknownRecipientError) as caught:
            await agent.send(SendRequest(to="nobody", body="x"))
        assert caught.value.hint == "Ask who is there."
    await server.close()
