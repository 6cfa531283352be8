"""What waits for a decision, with the difference that it makes."""

from urllib.parse import quote

from aiohttp import web

from hive_rpc.configuration import ApprovalState, DiffBase
from hive_rpc.errors import InvalidError
from hive_rpc.interfaces.operator.approvals import ApprovalRequest, ApprovalsRequest, DecideRequest
from hive_web.forms import Form
from hive_web.look import offered
from hive_web.pages.room import Room, see
from hive_web.view.diff import diff_view


class ApprovalPages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/approvals", self.approvals),
            web.get("/approvals/{id}", self.approval),
            web.post("/approvals/{id}/{verb:approve|deny|cancel}", self.decide),
        ]

    async def approvals(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
            found = await offered(caller.operator.approvals(caller.ask(ApprovalsRequest, all=True)))
        approvals = found.approvals if found else []
        return self.page(
            "approvals.html",
            caller,
            look,
            here="approvals",
            pending=[a for a in approvals if a.state is ApprovalState.PENDING],
            others=[a for a in approvals if a.state is not ApprovalState.PENDING],
        )

    async def approval(self, request: web.Request) -> web.Response:
        try:
            against = DiffBase(request.query.get("against", DiffBase.RUNNING))
        except ValueError as error:
            raise InvalidError("A proposal cannot be compared with that.", hint="Use the links on the page.") from error
        async with self.caller(request) as caller:
            look = await caller.look()
            found = await caller.operator.show_approval(
                caller.ask(ApprovalRequest, id=request.match_info["id"], against=against)
            )
        return self.page(
            "approval.html",
            caller,
            look,
            here="approvals",
            shown=found,
            approval=found.approval,
            diff=diff_view(found.diff),
            against=against,
            bases=list(DiffBase),
        )

    async def decide(self, request: web.Request) -> web.Response:
        """What was proposed is pinned: whatever was committed since, this decides about what was looked at."""
        approval, verb, form = request.match_info["id"], request.match_info["verb"], await Form.read(request)
        async with self.caller(request) as caller:
            decision = caller.ask(DecideRequest, id=approval, note=form.optional("note") or "")
            match verb:
                case "approve":
                    await caller.operator.approve(decision)
                case "deny":
                    await caller.operator.deny(decision)
                case _:
                    await caller.operator.cancel_approval(decision)
        return see(f"/approvals/{quote(approval, safe='')}")
