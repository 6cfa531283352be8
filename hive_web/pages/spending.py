"""What is spent and what may be, raising and setting caps, and the one switch that stops everything."""

from aiohttp import web

from hive_rpc.errors import InvalidError, UnavailableError
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.interfaces.operator.spending import RaiseCapRequest, SetCapsRequest, SpendingReply, StopAllRequest
from hive_web.forms import Form
from hive_web.look import offered
from hive_web.pages.room import Room, see
from hive_web.view.spending import spending_views

CAPS = ("hour_usd", "day_usd", "hour_tokens", "day_tokens")


class SpendingPages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/spending", self.spending),
            web.post("/spending/raise", self.raise_cap),
            web.post("/spending/caps", self.set_caps),
            web.get("/stop-all", self.stop_form),
            web.post("/stop-all", self.stop),
            web.post("/resume-all", self.resume),
        ]

    async def spending(self, request: web.Request) -> web.Response:
        problem, spent, accounts = "", SpendingReply(spending=[], caps=[], raises=[], holds=[]), None
        async with self.caller(request) as caller:
            look = await caller.look()
            asked = caller.ask(OperatorRequest)
            try:
                spent = await offered(caller.operator.spending(asked)) or spent
                accounts = await offered(caller.operator.accounts(asked))
            except UnavailableError as error:
                # The gateway counts; core is there, and so is the switch.
                problem = error.sentence()
        names = [status.account.name for status in accounts.accounts] if accounts else []
        return self.page(
            "spending.html",
            caller,
            look,
            here="spending",
            problem=problem,
            rows=[] if problem else spending_views(spent, names),
        )

    async def raise_cap(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.raise_cap(
                caller.ask(
                    RaiseCapRequest,
                    scope=form.text("scope"),
                    name=form.optional("name") or "",
                    usd=_amount(form, "usd") or 0,
                    tokens=_amount(form, "tokens") or 0,
                )
            )
        return see("/spending")

    async def set_caps(self, request: web.Request) -> web.Response:
        """All of them at once: a field that is empty is no cap."""
        form = await Form.read(request)
        caps = {name: amount for name in CAPS if (amount := _amount(form, name)) is not None}
        async with self.caller(request) as caller:
            await caller.operator.set_caps(
                caller.ask(
                    SetCapsRequest,
                    scope=form.text("scope"),
                    name=form.optional("name") or "",
                    caps=caps,
                    password=form.optional("password"),
                )
            )
        return see("/spending")

    async def stop_form(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            caller.require_operator()
            look = await caller.look()
        return self.page("stop_all.html", caller, look)

    async def stop(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.stop_all(caller.ask(StopAllRequest, reason=form.optional("reason") or ""))
        return see("/")

    async def resume(self, request: web.Request) -> web.Response:
        await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.resume_all(caller.ask(OperatorRequest))
        return see("/")


def _amount(form: Form, name: str) -> float | int | None:
    """A number of dollars or of whole tokens; None where nothing is written."""
    text = form.optional(name)
    if text is None:
        return None
    try:
        return int(text) if name.endswith("tokens") else float(text)
    except ValueError as error:
        raise InvalidError(f"{text.strip()[:40]} is not an amount.", field=name, hint="Write a number.") from error
