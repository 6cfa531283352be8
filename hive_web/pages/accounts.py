"""Accounts: how they fare and who uses them; adding, logging in, giving to an agent, removing.

A secret goes from the form to core and nowhere else: no answer, no address and no error has it. A form that was
refused comes back with all that was written but the secrets.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from hive_rpc.accounts import AccountKind
from hive_rpc.errors import HiveError, InvalidError, NotSignedInError
from hive_rpc.interfaces.gateway import Login
from hive_rpc.interfaces.operator.accounts import (
    AccountRequest,
    AddAccountRequest,
    FinishLoginRequest,
    UseAccountRequest,
)
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_web.core import Caller
from hive_web.forms import Form
from hive_web.pages.room import Room, see
from hive_web.view.accounts import KIND_WORDS, account_view

ADDABLE = (AccountKind.API_KEY, AccountKind.SETUP_TOKEN, AccountKind.STAND_IN)


class AccountPages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/accounts", self.accounts),
            web.post("/accounts", self.add),
            web.post("/accounts/login", self.begin_login),
            web.post("/accounts/login/code", self.finish_login),
            web.post("/accounts/{name}/remove", self.remove),
            web.post("/accounts/{name}/use", self.use),
        ]

    async def accounts(self, request: web.Request) -> web.Response:
        return await self._page(request)

    async def add(self, request: web.Request) -> web.Response:
        """Also gives an account that is there a new secret."""
        form = await Form.read(request)

        async def work(caller: Caller) -> None:
            kind = form.optional("kind")
            secret = (form.optional("secret") or "").strip()
            if kind != AccountKind.STAND_IN and not secret:
                raise InvalidError("The key or the token is missing.", field="secret", hint="Paste it.")
            await caller.operator.add_account(
                caller.ask(
                    AddAccountRequest,
                    name=(form.optional("name") or "").strip(),
                    kind=kind,
                    secret=secret,
                    base_url=form.optional("base_url"),
                    password=form.optional("password"),
                )
            )

        return await self._do(request, form, "add", work)

    async def remove(self, request: web.Request) -> web.Response:
        name, form = request.match_info["name"], await Form.read(request)

        async def work(caller: Caller) -> None:
            form.must_repeat("confirm", name)
            await caller.operator.remove_account(
                caller.ask(AccountRequest, name=name, password=form.optional("password"))
            )

        return await self._do(request, form, name, work)

    async def use(self, request: web.Request) -> web.Response:
        name, form = request.match_info["name"], await Form.read(request)

        async def work(caller: Caller) -> None:
            await caller.operator.use_account(
                caller.ask(
                    UseAccountRequest, agent=form.text("agent"), account=name, password=form.optional("password")
                )
            )

        return await self._do(request, form, name, work)

    async def begin_login(self, request: web.Request) -> web.Response:
        """The address is shown on the answer itself: it is for the account's owner, and belongs into no history."""
        form = await Form.read(request)
        name = (form.optional("name") or "").strip()
        try:
            async with self.caller(request, time_limit=None) as caller:
                begun = await caller.operator.begin_login(
                    caller.ask(AccountRequest, name=name, password=form.optional("password"))
                )
                look = await caller.look()
        except NotSignedInError:
            raise
        except HiveError as error:
            return await self._page(request, form, "login", error)
        return self.page(
            "account_login.html", caller, look, here="accounts", stamp="", name=name, login=begun.login, problem=""
        )

    async def finish_login(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        name, login, code = form.text("name"), form.text("login"), (form.optional("code") or "").strip()
        try:
            async with self.caller(request, time_limit=None) as caller:
                await caller.operator.finish_login(
                    caller.ask(FinishLoginRequest, login=login, code=code, password=form.optional("password"))
                )
        except NotSignedInError:
            raise
        except HiveError as error:
            # The address is in the other tab by now; without it the form still takes another code.
            async with self.caller(request) as caller:
                look = await caller.look()
            return self.page(
                "account_login.html",
                caller,
                look,
                here="accounts",
                stamp="",
                status=error.http_status,
                name=name,
                login=Login(id=login, address="", expires_at=look.hive.since),
                problem=error.sentence(),
            )
        return see("/accounts")

    async def _do(
        self, request: web.Request, form: Form, what: str, work: Callable[[Caller], Awaitable[None]]
    ) -> web.Response:
        """What was refused is said beside the form that asked for it: `what` is the account's name, or a form's."""
        try:
            async with self.caller(request, time_limit=None) as caller:
                await work(caller)
        except NotSignedInError:
            raise
        except HiveError as error:
            return await self._page(request, form, what, error)
        return see("/accounts")

    async def _page(
        self, request: web.Request, form: Form | None = None, what: str = "", error: HiveError | None = None
    ) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
            found = await caller.operator.accounts(caller.ask(OperatorRequest))
        values: dict[str, Any] = {
            "accounts": [account_view(status) for status in found.accounts],
            "agents": [agent.name for agent in look.agents],
            "kinds": [(kind, KIND_WORDS[kind]) for kind in ADDABLE],
            "refused": what,
            "problem": error.sentence() if error else "",
            "field": getattr(error, "field", ""),
            "written": {name: (form.optional(name) if form else "") or "" for name in ("name", "kind", "base_url")},
        }
        status, stamp = (error.http_status, "") if error else (200, None)
        return self.page("accounts.html", caller, look, here="accounts", stamp=stamp, status=status, **values)
