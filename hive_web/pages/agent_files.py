"""An agent's files and its log. None of them is ever a page of ours: text is shown as text, the rest downloaded."""

import base64
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from aiohttp import web

from hive_base.tasks import alongside
from hive_rpc.errors import HiveError, NotFoundError, RateLimitedError
from hive_rpc.interfaces.operator.files import (
    ListAgentFilesRequest,
    LogsRequest,
    ReadAgentFileReply,
    ReadAgentFileRequest,
    ReadLogRequest,
)
from hive_web.boundary import wants_stream
from hive_web.core import Caller
from hive_web.pages.room import Room, Site
from hive_web.view.agents import agent_href
from hive_web.view.wire import dumps

SHOWN = 200_000
"""Bytes of a file that are shown as text; all of it can be downloaded."""
PIECE = 256 * 1024
LOG_LINES = 200
FOLLOWED = 10
"""Logs that one session may follow at once: each has a connection to core, of which the dashboard has a few hundred."""


class FilePages(Room):
    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._followed: Counter[str] = Counter()
        """By session."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/agent/{name}/files/{path:[\\s\\S]*}", self.files),
            web.get("/agent/{name}/download/{path:[\\s\\S]*}", self.download),
            web.get("/agent/{name}/log", self.log),
        ]

    async def files(self, request: web.Request) -> web.Response:
        """A directory's listing, with or without a slash at its end, or a file's text."""
        name, path = request.match_info["name"], request.match_info["path"].removesuffix("/")
        after = request.query.get("after")
        async with self.caller(request) as caller:
            look = await caller.look()
            agent = look.shown(name)
            values: dict[str, Any] = {"agent": agent, "path": path, "trail": _trail(name, path), "tab": "files"}
            try:
                listed = await caller.operator.list_agent_files(
                    caller.ask(ListAgentFilesRequest, agent=name, path=path, after=after)
                )
            except NotFoundError:
                piece = await _read(caller, name, path, 0, SHOWN)
                return self.page("agent_file.html", caller, look, **values, **_shown(piece))
        base = f"{agent_href(name)}files/{quote(path)}{'/' if path else ''}"
        return self.page("agent_files.html", caller, look, **values, listed=listed, base=base)

    async def download(self, request: web.Request) -> web.StreamResponse:
        name, path = request.match_info["name"], request.match_info["path"]
        async with self.caller(request) as caller:
            piece = await _read(caller, name, path, 0, PIECE)
            response = web.StreamResponse(
                headers={
                    "Content-Type": "application/octet-stream",
                    # RFC 6266: the name percent-encoded, so that nothing in it can end the header.
                    "Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.rpartition('/')[2], safe='')}",
                    # Opened all the same, it may run nothing and reach nothing.
                    "Content-Security-Policy": "sandbox; default-src 'none'",
                }
            )
            await response.prepare(request)
            while data := base64.b64decode(piece.data):
                await response.write(data)
                piece = await _read(caller, name, path, piece.offset + len(data), PIECE)
        await response.write_eof()
        return response

    async def log(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if wants_stream(request):
            return await self._follow(request, name)
        cursor = request.query.get("before")
        async with self.caller(request) as caller:
            look = await caller.look()
            agent = look.shown(name)
            found = await caller.operator.read_log(
                caller.ask(ReadLogRequest, agent=name, cursor=cursor, lines=LOG_LINES)
            )
        return self.page(
            "agent_log.html",
            caller,
            look,
            agent=agent,
            lines=found.lines,
            older=found.cursor,
            latest=cursor is None,
            tab="log",
        )

    async def _follow(self, request: web.Request, name: str) -> web.StreamResponse:
        """What is written from now on; it ends with the session, which core sees to."""
        async with self.caller(request) as caller:
            asked = caller.ask(LogsRequest, name=name, lines=0, follow=True, background=True)
        with self._one_more(caller.token):
            return await self._write(request, asked)

    @contextmanager
    def _one_more(self, session: str) -> Iterator[None]:
        if self._followed[session] >= FOLLOWED:
            raise RateLimitedError(f"You follow {FOLLOWED} logs already.", hint="Close one of their pages.")
        self._followed[session] += 1
        try:
            yield
        finally:
            self._followed[session] -= 1
            if not self._followed[session]:
                del self._followed[session]

    async def _write(self, request: web.Request, asked: LogsRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        try:
            # A quiet log would never find out that its page was closed.
            async with self.site.core.operator() as operator, alongside(self.site.feeds.beat(response.write)):
                async for line in operator.logs(asked):
                    view = {"at": line.at, "source": line.source, "priority": line.priority, "text": line.text}
                    await response.write(f"event: line\ndata: {dumps(view)}\n\n".encode())
        except* (ConnectionError, HiveError):
            pass  # the page was closed, its session ended, or core went: a page that is there comes again
        return response


async def _read(caller: Caller, agent: str, path: str, offset: int, limit: int) -> ReadAgentFileReply:
    return await caller.operator.read_agent_file(
        caller.ask(ReadAgentFileRequest, agent=agent, path=path, offset=offset, limit=limit)
    )


def _shown(piece: ReadAgentFileReply) -> dict[str, Any]:
    """The beginning of a file as text, where it is text."""
    data = base64.b64decode(piece.data)
    try:
        # The end of the piece may be in the middle of a character.
        text = data.decode() if len(data) == piece.size else data.decode(errors="ignore")
    except UnicodeDecodeError:
        text = ""
    binary = b"\0" in data or (bool(data) and not text)
    return {
        "text": "" if binary else text,
        "binary": binary,
        "size": piece.size,
        "cut": piece.size > len(data),
        "modified_at": piece.modified_at,
    }


def _trail(agent: str, path: str) -> list[tuple[str, str]]:
    """Each directory on the way, with its address."""
    trail, here = [], f"{agent_href(agent)}files/"
    for part in path.split("/") if path else []:
        here += quote(part, safe="") + "/"
        trail.append((part, here.rstrip("/")))
    return trail
