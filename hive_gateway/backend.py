"""What answers requests: an API at an address, or the stand-in, behind one interface."""

from typing import Protocol

from aiohttp import web

from hive_gateway.exchange import Exchange


class Backend(Protocol):
    """Serves every agent whose account leads to it. An `ApiError` that it raises becomes the answer."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        """Answer one POST. Cancelled when the client goes away."""
