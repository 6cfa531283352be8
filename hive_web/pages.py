"""The pages that show something."""

from typing import Any

from aiohttp import web

from hive_base.ids import new_secret
from hive_rpc.errors import InvalidError, NotFoundError
from hive_rpc.interfaces.operator import EventsReply, EventsRequest, MessagesRequest, StatusReply
from hive_web.cookie import SessionCookie
from hive_web.core import Caller, Core, find
from hive_web.render import Renderer
from hive_web.view.agents import agent_view, hive_view, waiting_views
from hive_web.view.messages import PREVIEW, message_view
from hive_web.view.timeline import full_text, timeline

MESSAGES = 40
"""In the conversation on the hive's page."""
EVENTS = 150
"""On one page of an agent's history."""


class Pages:
    def __init__(self, *, core: Core, render: Renderer, cookie: SessionCookie) -> None:
        self._core = core
        self._render = render
        self._cookie = cookie

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.hive),
            web.get("/spawn", self.spawn),
            web.get("/agent/{name}/", self.agent),
            web.get("/agent/{name}/event/{id}", self.event),
        ]

    async def hive(self, request: web.Request) -> web.Response:
        async with self._core.caller(self._cookie.read(request)) as caller:
            status = await caller.status()
            messages = await caller.operator.messages(MessagesRequest(session=caller.token, limit=MESSAGES))
        return self._render.page(
            "hive.html",
            **frame_values(caller, status),
            waiting=waiting_views(status),
            agents=[agent_view(agent) for agent in status.agents],
            messages=[message_view(message, limit=PREVIEW) for message in reversed(messages.messages)],
            cursor=status.cursor,
        )

    async def agent(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        before = _number(request.query.get("before"))
        async with self._core.caller(self._cookie.read(request)) as caller:
            status = await caller.status()
            agent = find(status, name)
            if agent is None:
                raise NotFoundError(f"There is no agent {name}.", hint="The hive’s page shows every agent.")
            history = await _history(caller, name, before, EVENTS)
            first = history.events[0].id if history.events else None
            # A page may be cut to what fits into a frame, so its length does not say whether there is more.
            older = first is not None and bool((await _history(caller, name, first, 1)).events)
        return self._render.page(
            "agent.html",
            **frame_values(caller, status),
            agent=agent_view(agent),
            entries=timeline(history.events, name),
            older=first if older else None,
            latest=before is None,
            cursor=history.cursor,
            key=new_secret(),
        )

    async def event(self, request: web.Request) -> web.Response:
        """The whole text of one event. As plain text, never as a page: it is an agent's."""
        name, wanted = request.match_info["name"], _number(request.match_info["id"]) or 0
        async with self._core.caller(self._cookie.read(request)) as caller:
            history = await _history(caller, name, wanted + 1, 1)
        found = next((event for event in history.events if event.id == wanted), None)
        if found is None:
            raise NotFoundError(f"There is no event {wanted} of {name}.", hint="Old events are not kept for ever.")
        return web.Response(text=full_text(found), content_type="text/plain")

    async def spawn(self, request: web.Request) -> web.Response:
        async with self._core.caller(self._cookie.read(request)) as caller:
            caller.require_operator()
            status = await caller.status()
        return self._render.page("spawn.html", **frame_values(caller, status), name="", config="", error="")


async def _history(caller: Caller, agent: str, before: int | None, limit: int) -> EventsReply:
    return await caller.operator.events(EventsRequest(session=caller.token, agent=agent, before=before, limit=limit))


def frame_values(caller: Caller, status: StatusReply) -> dict[str, Any]:
    """What `frame.html` needs around every page of somebody signed in."""
    return {"hive": hive_view(status), "me": caller}


def _number(text: str | None) -> int | None:
    """An event id from an address; None where there is none. Bounded, so that it fits into a database."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidError("That is not the number of an event.", hint="Use the links on the page.")
    return int(text)
