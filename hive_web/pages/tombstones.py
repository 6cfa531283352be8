"""Agents that were destroyed and whose files were kept: bringing one back, or deleting what is left of it."""

from aiohttp import web

from hive_rpc.errors import NotFoundError
from hive_rpc.interfaces.operator.request import AgentRequest, OperatorRequest
from hive_web.forms import Form
from hive_web.look import offered
from hive_web.pages.room import Room, see
from hive_web.view.agents import agent_href


class TombstonePages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/tombstones", self.tombstones),
            web.get("/tombstones/{name}/revive", self.revive_form),
            web.post("/tombstones/{name}/revive", self.revive),
            web.post("/tombstones/{name}/purge", self.purge),
        ]

    async def tombstones(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
            found = await offered(caller.operator.tombstones(caller.ask(OperatorRequest)))
        return self.page(
            "tombstones.html", caller, look, here="system", tab="tombstones", stones=found.tombstones if found else []
        )

    async def revive_form(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        async with self.caller(request) as caller:
            caller.require_admin()
            look = await caller.look()
            found = await caller.operator.tombstones(caller.ask(OperatorRequest))
        stone = next((stone for stone in found.tombstones if stone.agent == name), None)
        if stone is None:
            raise NotFoundError(f"There is nothing left of an agent {name}.", hint="The list has those there are.")
        return self.page("revive.html", caller, look, stone=stone)

    async def revive(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        await Form.read(request)

        async def work() -> None:
            async with self.caller(request, time_limit=None) as caller:
                await caller.operator.revive(caller.ask(AgentRequest, name=name))

        await self.site.errands.run(f"revive {name}", work())
        return see(agent_href(name))

    async def purge(self, request: web.Request) -> web.Response:
        """The name is typed once more, and the password given: what is purged is gone."""
        name, form = request.match_info["name"], await Form.read(request)
        form.must_repeat("confirm", name)
        password = form.optional("password")

        async def work() -> None:
            async with self.caller(request, time_limit=None) as caller:
                await caller.operator.purge(caller.ask(AgentRequest, name=name, password=password))

        await self.site.errands.run(f"purge {name}", work())
        return see("/tombstones")
