"""Who may sign in, who is signed in, and one's own password."""

from aiohttp import web

from hive_rpc.interfaces.operator.people import (
    ChangePasswordRequest,
    InviteReply,
    InviteRequest,
    OperatorNameRequest,
    SetRoleRequest,
)
from hive_rpc.interfaces.operator.request import IdRequest, OperatorRequest
from hive_rpc.types import Role
from hive_web.forms import Form
from hive_web.look import offered
from hive_web.pages.room import Room, see


class PeoplePages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/operators", self.people),
            web.post("/operators/invite", self.invite),
            web.post("/operators/{name}/role", self.role),
            web.post("/operators/{name}/remove", self.remove),
            web.post("/sessions/{id}/revoke", self.revoke),
            web.post("/password", self.password),
        ]

    async def people(self, request: web.Request) -> web.Response:
        return await self._page(request)

    async def invite(self, request: web.Request) -> web.Response:
        """The link is shown once, on the answer itself: it is a secret, and belongs into no address."""
        form = await Form.read(request)
        async with self.caller(request) as caller:
            invite = await caller.operator.invite(
                caller.ask(
                    InviteRequest,
                    name=form.text("name").strip(),
                    role=form.optional("role") or Role.VIEWER,
                    password=form.optional("password"),
                )
            )
        return await self._page(request, invite)

    async def role(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.set_role(
                caller.ask(
                    SetRoleRequest,
                    name=request.match_info["name"],
                    role=form.text("role"),
                    password=form.optional("password"),
                )
            )
        return see("/operators")

    async def remove(self, request: web.Request) -> web.Response:
        name, form = request.match_info["name"], await Form.read(request)
        form.must_repeat("confirm", name)
        async with self.caller(request) as caller:
            await caller.operator.remove_operator(
                caller.ask(OperatorNameRequest, name=name, password=form.optional("password"))
            )
        return see("/operators")

    async def revoke(self, request: web.Request) -> web.Response:
        await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.revoke_session(caller.ask(IdRequest, id=request.match_info["id"]))
        return see("/operators#sessions")

    async def password(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        new = form.text("new_password")
        form.must_repeat("again", new)
        async with self.caller(request) as caller:
            await caller.operator.change_password(
                caller.ask(ChangePasswordRequest, new_password=new, password=form.optional("password"))
            )
        return see("/operators#sessions")

    async def _page(self, request: web.Request, invite: InviteReply | None = None) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
            asked = caller.ask(OperatorRequest)
            accounts = (await caller.operator.operators(asked)).operators if caller.may_manage else []
            sessions = await offered(caller.operator.sessions(asked))
        return self.page(
            "operators.html",
            caller,
            look,
            here="operators",
            stamp=None if invite is None else "",
            accounts=accounts,
            sessions=sessions.sessions if sessions else [],
            invite=invite,
            roles=list(Role),
        )
