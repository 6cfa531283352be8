"""Accepting: whoever connects is served or let go, also in the moment in which the server closes."""

import asyncio
from pathlib import Path

from hive_rpc.server import Server
from tests.support.rpc import EchoService


async def dial(path: Path) -> bytes:
    """Connect, say nothing, and wait for the other end to close."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_connections_that_arrive_while_the_server_closes_are_closed(tmp_path: Path) -> None:
    for turns in range(8):
        server = Server(lambda peer: [])
        path = tmp_path / f"{turns}.sock"
        await server.listen(path)
        dialing = [asyncio.ensure_future(dial(path)) for _ in range(20)]
        # Each round closes at another moment of accepting.
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.close()
        # Without an end these would wait for ever; what leaked would fail the test as a warning.
        ended = await asyncio.gather(*dialing, return_exceptions=True)
        assert all(e == b"" or isinstance(e, (ConnectionError, FileNotFoundError)) for e in ended), ended


async def test_a_service_can_be_closed_and_opened_again_at_the_same_path(tmp_path: Path) -> None:
    for _ in range(3):
        async with EchoService(tmp_path).serving():
            pass
