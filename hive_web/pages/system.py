"""How the hive itself is: checks with their remedies, turns of all agents, what is pinned; and the audit log."""

from aiohttp import web

from hive_rpc.errors import HiveError, NotSignedInError
from hive_rpc.interfaces.operator.configuration import UpdateInputsRequest
from hive_rpc.interfaces.operator.events import TurnStatsRequest
from hive_rpc.interfaces.operator.people import AuditRequest
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_web.forms import Form
from hive_web.look import offered
from hive_web.pages.room import Room, number, see
from hive_web.view.stats import SPANS, stats_view

ROWS = 100
AGENT_INPUT = "agent-"
"""An agent's configuration, which is moved by approvals of its own."""


class SystemPages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/system", self.system),
            web.get("/inputs", self.inputs),
            web.post("/inputs", self.update),
            web.get("/audit", self.audit),
        ]

    async def system(self, request: web.Request) -> web.Response:
        span = SPANS.get(request.query.get("span", ""), SPANS["24h"])
        async with self.caller(request) as caller:
            look = await caller.look()
            asked = caller.ask(OperatorRequest)
            doctor = await caller.operator.doctor(asked)
            stats = await offered(
                caller.operator.stats(caller.ask(TurnStatsRequest, since_seconds=span.seconds, buckets=span.buckets))
            )
        return self.page(
            "system.html",
            caller,
            look,
            here="system",
            vitals=look.hive,
            failing=[check for check in doctor.checks if not check.ok],
            passing=[check for check in doctor.checks if check.ok],
            tab="system",
            stats=stats_view(stats, span) if stats else None,
            spans=SPANS.values(),
            span=span,
        )

    async def inputs(self, request: web.Request) -> web.Response:
        return await self._inputs(request)

    async def update(self, request: web.Request) -> web.Response:
        """Nothing is updated yet: it is an approval, and the next page shows what would be new."""
        form = await Form.read(request)
        try:
            async with self.caller(request, time_limit=None) as caller:
                asked = await caller.operator.update_inputs(
                    caller.ask(UpdateInputsRequest, inputs=form.all("input"), reason=form.optional("reason") or "")
                )
        except NotSignedInError:
            raise
        except HiveError as error:
            return await self._inputs(request, error)
        return see(f"/approvals/{asked.approval.id}")

    async def _inputs(self, request: web.Request, error: HiveError | None = None) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
            found = await offered(caller.operator.inputs(caller.ask(OperatorRequest)))
        return self.page(
            "inputs.html",
            caller,
            look,
            here="system",
            status=error.http_status if error else 200,
            problem=error.sentence() if error else "",
            inputs=found.inputs if found else [],
            updatable=[i for i in found.inputs if not i.name.startswith(AGENT_INPUT)] if found else [],
            flake=found.flake if found else "",
            tab="inputs",
        )

    async def audit(self, request: web.Request) -> web.Response:
        before = number(request.query.get("before"))
        async with self.caller(request) as caller:
            look = await caller.look()
            rows = (await caller.operator.audit(caller.ask(AuditRequest, before=before, limit=ROWS))).rows
        return self.page(
            "audit.html",
            caller,
            look,
            here="audit",
            stamp=None if before is None else "",
            rows=rows,
            older=rows[-1].id if len(rows) == ROWS else None,
        )
