"""What changes something: messages, and agents' lives. Whether somebody may, core decides."""

from urllib.parse import quote

from aiohttp import web

from hive_rpc.errors import HiveError, InvalidError, NotFoundError, UnavailableError
from hive_rpc.interfaces.operator import AgentRequest, OperatorSendRequest, SpawnRequest
from hive_web.boundary import wants_json
from hive_web.cookie import SessionCookie
from hive_web.core import Core, find
from hive_web.errands import Errands
from hive_web.forms import Form
from hive_web.pages import frame_values
from hive_web.render import Renderer
from hive_web.verbs import VERBS
from hive_web.view.agents import agent_href, agent_view


class Actions:
    def __init__(self, *, core: Core, render: Renderer, cookie: SessionCookie, errands: Errands) -> None:
        self._core = core
        self._render = render
        self._cookie = cookie
        self._errands = errands

    def routes(self) -> list[web.RouteDef]:
        verb = f"/agent/{{name}}/{{verb:{'|'.join(VERBS)}}}"
        return [
            web.post("/agent/{name}/messages", self.send),
            web.get(verb, self.confirm),
            web.post(verb, self.act),
            web.post("/spawn", self.spawn),
        ]

    async def send(self, request: web.Request) -> web.Response:
        """The form carries a key, so that a double click, or a retry after a lost answer, sends one message."""
        name, form = request.match_info["name"], await Form.read(request)
        body = form.text("body")
        async with self._core.caller(self._cookie.read(request)) as caller:
            sent = await caller.operator.send(
                OperatorSendRequest(session=caller.token, to=name, body=body, key=form.optional("key"))
            )
        if wants_json(request):
            return web.json_response({"id": sent.id})
        return _see(f"{agent_href(name)}#message-{quote(sent.id)}")

    async def confirm(self, request: web.Request) -> web.Response:
        """The question as a page of its own; with scripts it is asked in a dialog."""
        name = request.match_info["name"]
        async with self._core.caller(self._cookie.read(request)) as caller:
            caller.require_operator()
            status = await caller.status()
        agent = find(status, name)
        if agent is None:
            raise NotFoundError(f"There is no agent {name}.", hint="The hive’s page shows every agent.")
        return self._render.page(
            "confirm.html",
            **frame_values(caller, status),
            agent=agent_view(agent),
            verb=VERBS[request.match_info["verb"]],
        )

    async def act(self, request: web.Request) -> web.Response:
        name, verb = request.match_info["name"], VERBS[request.match_info["verb"]]
        token = self._cookie.read(request)

        async def work() -> None:
            async with self._core.caller(token, time_limit=None) as caller:
                target = AgentRequest(session=caller.token, name=name)
                match verb.name:
                    case "start":
                        await caller.operator.start(target)
                    case "stop":
                        await caller.operator.stop(target)
                    case _:
                        await caller.operator.restart(target)

        await self._errands.run(f"{verb.name} {name}", work())
        if wants_json(request):
            return web.json_response({"message": f"{name} {verb.under_way}."})
        return _see(agent_href(name))

    async def spawn(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        token = self._cookie.read(request)
        name, config = form.optional("name") or "", form.optional("config")
        try:
            wanted = _spawn_request(name, config, token)

            async def work() -> None:
                async with self._core.caller(token, time_limit=None) as caller:
                    await caller.operator.spawn(wanted)

            await self._errands.run(f"spawn {name}", work())
        except UnavailableError:
            raise
        except HiveError as error:
            async with self._core.caller(token) as caller:
                status = await caller.status()
            return self._render.page(
                "spawn.html",
                status=error.http_status,
                **frame_values(caller, status),
                name=name,
                config=config or "",
                error=error.sentence(),
            )
        return _see(agent_href(name))


def _spawn_request(name: str, config: str | None, token: str | None) -> SpawnRequest:
    try:
        return SpawnRequest(session=token, name=name, config=config)
    except ValueError as error:
        raise InvalidError(
            "That cannot be an agent's name.",
            hint="Use lower-case letters, digits and single hyphens, beginning with a letter, 31 at most.",
        ) from error


def _see(where: str) -> web.Response:
    """Go and look: a reload then repeats nothing."""
    return web.Response(status=303, headers={"Location": where})
