"""Where agents connect to, and what they may."""

import tomllib

from aiohttp import web

from hive_rpc.accounts import EgressEntry
from hive_rpc.errors import UnavailableError
from hive_rpc.interfaces.operator.request import AgentRequest
from hive_rpc.interfaces.operator.spending import EgressLogRequest
from hive_web.core import Caller
from hive_web.look import offered
from hive_web.pages.room import Room, number

ROWS = 100


class EgressPages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/egress", self.hive),
            web.get("/agent/{name}/egress", self.agent),
        ]

    async def hive(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
            entries, problem = await _log(caller, request, None)
        return self.page(
            "egress.html",
            caller,
            look,
            here="egress",
            entries=entries,
            problem=problem,
            older=_older(entries),
        )

    async def agent(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        async with self.caller(request) as caller:
            look = await caller.look()
            agent = look.shown(name)
            config = await offered(caller.operator.config(caller.ask(AgentRequest, name=name)))
            entries, problem = await _log(caller, request, name)
        return self.page(
            "agent_egress.html",
            caller,
            look,
            agent=agent,
            rules=_rules(config.config) if config else [],
            entries=entries,
            problem=problem,
            older=_older(entries),
            tab="egress",
        )


async def _log(caller: Caller, request: web.Request, agent: str | None) -> tuple[list[EgressEntry], str]:
    """The connections, or why they cannot be told: the gateway keeps the log, and it may be away."""
    before = number(request.query.get("before"))
    try:
        found = await offered(
            caller.operator.egress_log(caller.ask(EgressLogRequest, agent=agent, before=before, limit=ROWS))
        )
    except UnavailableError as error:
        return [], error.sentence()
    return (found.entries if found else []), ""


def _older(entries: list[EgressEntry]) -> int | None:
    return entries[-1].id if len(entries) == ROWS else None


def _rules(config: str) -> list[str]:
    """What an `agent.toml` that core took allows."""
    rules = tomllib.loads(config).get("egress", [])
    return [str(rule) for rule in rules]
