"""Signing in and out. Core checks the password and mints the session; this only carries the token."""

from aiohttp import web

from hive_rpc.errors import HiveError, UnavailableError
from hive_rpc.interfaces.session import RedeemRequest, SessionRequest, SignedInReply, SignInRequest
from hive_rpc.types import Empty
from hive_web.cookie import SessionCookie
from hive_web.core import Core
from hive_web.forms import Form
from hive_web.render import Renderer
from hive_web.security import local_path


def browser_address(request: web.Request) -> str:
    """Where the browser is, for the audit log and the rate limit. Only a proxy on our unix socket is believed."""
    if request.remote:
        return request.remote
    return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()


class SignIn:
    def __init__(self, *, core: Core, render: Renderer, cookie: SessionCookie) -> None:
        self._core = core
        self._render = render
        self._cookie = cookie

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sign-in", self.form),
            web.post("/sign-in", self.sign_in),
            web.get("/sign-in/{token}", self.invitation),
            web.post("/sign-in/{token}", self.redeem),
            web.post("/sign-out", self.sign_out),
            web.get("/session", self.whose),
        ]

    async def form(self, request: web.Request) -> web.Response:
        return await self._page("sign_in.html", next_path=local_path(request.query.get("next")))

    async def sign_in(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        name, next_path = form.text("name"), local_path(form.optional("next"))
        try:
            async with self._core.session() as session:
                signed_in = await session.sign_in(
                    SignInRequest(name=name, password=form.text("password"), address=browser_address(request))
                )
        except UnavailableError:
            raise
        except HiveError as error:
            return await self._page(
                "sign_in.html", status=error.http_status, next_path=next_path, name=name, error=error.sentence()
            )
        return self._signed_in(signed_in, next_path)

    async def invitation(self, request: web.Request) -> web.Response:
        """A page with a button. Chat programs and mail scanners fetch links; the token is used by the POST alone."""
        return await self._page("invitation.html")

    async def redeem(self, request: web.Request) -> web.Response:
        try:
            async with self._core.session() as session:
                signed_in = await session.redeem(
                    RedeemRequest(token=request.match_info["token"], address=browser_address(request))
                )
        except UnavailableError:
            raise
        except HiveError as error:
            return await self._page("invitation.html", status=error.http_status, error=error.sentence())
        return self._signed_in(signed_in, "/")

    async def sign_out(self, request: web.Request) -> web.Response:
        if token := self._cookie.read(request):
            async with self._core.session() as session:
                await session.sign_out(SessionRequest(session=token))
        response = web.Response(status=303, headers={"Location": "/sign-in"})
        self._cookie.take_away(response)
        return response

    async def whose(self, request: web.Request) -> web.Response:
        """Whether there still is a session, for a page whose live stream was refused."""
        async with self._core.caller(self._cookie.read(request)) as caller:
            return web.json_response({"name": caller.name, "role": caller.role.value})

    async def _page(
        self, template: str, *, status: int = 200, next_path: str = "/", name: str = "", error: str = ""
    ) -> web.Response:
        async with self._core.session() as session:
            greeting = await session.greet(Empty())
        return self._render.page(
            template, status=status, greeting=greeting, next_path=next_path, name=name, error=error
        )

    def _signed_in(self, session: SignedInReply, next_path: str) -> web.Response:
        response = web.Response(status=303, headers={"Location": next_path})
        self._cookie.give(response, session)
        return response
