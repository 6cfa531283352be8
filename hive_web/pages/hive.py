"""The front page, what can be done to several agents at once, new agents, and help."""

import asyncio
from urllib.parse import urlencode

from aiohttp import web

from hive_rpc.errors import ConflictError, HiveError, InvalidError, UnavailableError
from hive_rpc.interfaces.operator.lives import SpawnRequest
from hive_rpc.interfaces.operator.request import AgentRequest
from hive_web.core import Caller
from hive_web.forms import Form
from hive_web.pages.room import Room, see
from hive_web.verbs import BULK, VERBS, Verb
from hive_web.view.agents import agent_href

ROWS = "hive_rows.html"
_SPAWN_HINT = "Use lower-case letters, digits and single hyphens, beginning with a letter, 31 at most."


class HivePages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.hive),
            web.get("/agents", self.confirm),
            web.post("/agents", self.act),
            web.get("/spawn", self.spawn_form),
            web.post("/spawn", self.spawn),
            web.get("/help", self.help),
        ]

    async def hive(self, request: web.Request) -> web.Response:
        caller, look, _ = await self.glance(request)
        front = self.site.fronts.show(look)
        lists = front.views
        return self.kept_page(
            "hive.html",
            caller,
            look,
            {
                "digest": front.digest,
                "waiting_rows": self.site.render.rows(ROWS, "waiting_item", lists["waiting"]),
                "agent_rows": self.site.render.rows(ROWS, "agent_row", lists["agents"], caller.may_act),
                "conversation_rows": self.site.render.rows(ROWS, "conversation", lists["conversations"]),
            },
            here="hive",
            stamp=(shown := {name: bool(items) for name, items in lists.items()}),
            shown=shown,
        )

    async def help(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
        return self.page("help.html", caller, look, here="help")

    async def confirm(self, request: web.Request) -> web.Response:
        """`?verb=stop&agent=a&agent=b`: the question, with every name in it."""
        names, verb = request.query.getall("agent", []), _bulk(request.query.get("verb"))
        if not names:
            raise InvalidError("No agent is selected.", hint="Go back and tick the ones you mean.")
        async with self.caller(request) as caller:
            caller.require_operator()
            look = await caller.look()
        found = [look.agent(name).name for name in dict.fromkeys(names)]
        return self.page("confirm_many.html", caller, look, names=found, verb=verb)

    async def act(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        names, verb = list(dict.fromkeys(form.all("agent"))), _bulk(form.optional("verb"))
        if not names:
            raise InvalidError("No agent is selected.", hint="Go back and tick the ones you mean.")
        if form.optional("confirmed") is None:
            return see("/agents?" + urlencode([("verb", verb.name), *(("agent", name) for name in names)]))
        async with self.caller(request) as caller:
            caller.require_operator()
            look = await caller.look()
            for name in names:
                look.agent(name)
        errands = (self.site.errands.run(f"{verb.name} {name}", self._one(request, verb, name)) for name in names)
        outcomes = await asyncio.gather(*errands, return_exceptions=True)
        refused = [f"{n}: {e.sentence()}" for n, e in zip(names, outcomes, strict=True) if isinstance(e, HiveError)]
        if refused:
            raise ConflictError(
                " ".join(refused), hint="The others are under way." if len(refused) < len(names) else ""
            )
        return see("/")

    async def _one(self, request: web.Request, verb: Verb, name: str) -> None:
        async with self.caller(request, time_limit=None) as caller:
            await carry_out(caller, verb, name)

    async def spawn_form(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            caller.require_operator()
            look = await caller.look()
        return self.page("spawn.html", caller, look, name="", config="", error="")

    async def spawn(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        name, config = form.optional("name") or "", form.optional("config")

        async def work() -> None:
            async with self.caller(request, time_limit=None) as caller:
                try:
                    wanted = SpawnRequest(session=caller.token, name=name, config=config)
                except ValueError as error:
                    raise InvalidError("That cannot be an agent's name.", hint=_SPAWN_HINT) from error
                await caller.operator.spawn(wanted)

        try:
            await self.site.errands.run(f"spawn {name}", work())
        except UnavailableError:
            raise
        except HiveError as error:
            async with self.caller(request) as caller:
                look = await caller.look()
            return self.page(
                "spawn.html",
                caller,
                look,
                status=error.http_status,
                name=name,
                config=config or "",
                error=error.sentence(),
            )
        return see(agent_href(name))


def _bulk(name: str | None) -> Verb:
    if name not in BULK:
        raise InvalidError("That cannot be done to several agents.", hint="Use the page's own buttons.")
    return VERBS[name]


async def carry_out(caller: Caller, verb: Verb, name: str) -> None:
    """Ask core for it; returns when it is done."""
    await getattr(caller.operator, verb.name)(caller.ask(AgentRequest, name=name))
