"""The session cookie: core's token, out of reach of scripts and of other sites."""

from datetime import datetime

from aiohttp import web

from hive_base.clock import Clock
from hive_rpc.interfaces.session import SignedInReply


class SessionCookie:
    """With TLS its name begins with `__Host-`, so that no neighbouring domain can set one (RFC 6265bis, 4.1.3)."""

    def __init__(self, *, secure: bool, clock: Clock) -> None:
        self._secure = secure
        self._clock = clock
        self.name = "__Host-hive" if secure else "hive"

    def read(self, request: web.Request) -> str | None:
        return request.cookies.get(self.name)

    def give(self, response: web.Response, session: SignedInReply) -> None:
        self._set(response, session.session, self._seconds_until(session.expires_at))

    def take_away(self, response: web.Response) -> None:
        self._set(response, "", 0)

    def _set(self, response: web.Response, value: str, max_age: int) -> None:
        response.set_cookie(
            self.name, value, max_age=max_age, path="/", httponly=True, secure=self._secure, samesite="Strict"
        )

    def _seconds_until(self, moment: datetime) -> int:
        return max(0, int((moment - self._clock.now()).total_seconds()))
