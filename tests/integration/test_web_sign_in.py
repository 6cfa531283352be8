"""Signing in and out, and the cookie that it is about."""

from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from aiohttp import ClientResponse

from hive_rpc.errors import RateLimitedError
from hive_rpc.types import Role
from tests.support.dashboard import dashboard


def cookies(response: ClientResponse) -> SimpleCookie:
    jar: SimpleCookie = SimpleCookie()
    for line in response.headers.getall("Set-Cookie", []):
        jar.load(line)
    return jar


async def test_a_password_opens_a_session_that_scripts_and_other_sites_cannot_use(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.core.passwords["ada"] = ("correct horse", Role.ADMIN)
        answer = await site.post("/sign-in", {"name": "ada", "password": "correct horse"})
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = cookies(answer)["hive"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
        assert int(cookie["max-age"]) == timedelta(days=7).total_seconds()
        assert (await site.get("/")).status == 200


async def test_behind_tls_the_cookie_is_secure_and_no_neighbour_can_set_it(tmp_path: Path) -> None:
    async with dashboard(tmp_path, secure=True) as site:
        site.core.invitations["once"] = ("ada", Role.ADMIN)
        secure_origin = site.origin.replace("http:", "https:")
        answer = await site.post("/sign-in/once", Origin=secure_origin)
        cookie = cookies(answer)["__Host-hive"]
        assert cookie["secure"]
        assert not cookie["domain"]
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_a_wrong_password_says_so_and_keeps_the_name(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        answer = await site.post("/sign-in", {"name": "ada", "password": "wrong", "next": "/agent/worker/"})
        page = await answer.text()
        assert answer.status == 401
        assert "The name or the password is wrong." in page
        assert 'value="ada"' in page
        assert 'value="/agent/worker/"' in page
        assert "wrong" not in page.replace("is wrong.", "")
        assert not answer.headers.getall("Set-Cookie", [])


async def test_too_many_attempts_are_told_to_wait(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.core.refusals["sign_in"] = RateLimitedError("Too many attempts.", hint="Wait a minute.")
        answer = await site.post("/sign-in", {"name": "ada", "password": "x"})
        assert answer.status == 429
        assert "Too many attempts. Wait a minute." in await answer.text()


async def test_looking_at_a_one_time_link_does_not_use_it(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.core.invitations["once"] = ("ada", Role.ADMIN)
        for _ in range(3):  # a chat program's preview, a mail scanner, the person
            assert (await site.get("/sign-in/once")).status == 200
        assert (await site.post("/sign-in/once")).status == 303
        assert (await site.get("/")).status == 200


async def test_a_one_time_link_works_once(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.core.invitations["once"] = ("ada", Role.ADMIN)
        await site.post("/sign-in/once")
        again = await site.post("/sign-in/once")
        assert again.status == 401
        assert "This link was used already" in await again.text()


async def test_core_learns_where_the_browser_is(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        await site.post("/sign-in", {"name": "ada", "password": "x"}, X_Forwarded_For="203.0.113.9")
        assert site.core.addresses == ["127.0.0.1"]  # what a stranger claims in a header is not believed


async def test_a_page_asked_for_before_signing_in_is_shown_afterwards(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.core.agent("worker")
        site.core.passwords["ada"] = ("correct horse", Role.VIEWER)
        first = await site.get("/agent/worker/?before=9")
        assert (first.status, first.headers["Location"]) == (303, "/sign-in?next=/agent/worker/?before%3D9")
        form = await (await site.get(first.headers["Location"])).text()
        assert 'name="next" value="/agent/worker/?before=9"' in form
        signed_in = await site.post(
            "/sign-in", {"name": "ada", "password": "correct horse", "next": "/agent/worker/?before=9"}
        )
        assert signed_in.headers["Location"] == "/agent/worker/?before=9"


@pytest.mark.parametrize("where", ["//a.example/", "https://a.example/", "/\\a.example"])
async def test_signing_in_leads_to_no_other_site(tmp_path: Path, where: str) -> None:
    async with dashboard(tmp_path) as site:
        site.core.passwords["ada"] = ("correct horse", Role.VIEWER)
        answer = await site.post("/sign-in", {"name": "ada", "password": "correct horse", "next": where})
        assert answer.headers["Location"] == "/"


async def test_signing_out_ends_the_session_in_core_and_in_the_browser(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        answer = await site.post("/sign-out")
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
        assert cookies(answer)["hive"]["max-age"] == "0"
        assert site.core.sessions == {}


async def test_a_session_that_core_has_ended_leads_to_the_sign_in_page(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.sign_in()
        site.core.sign_out_everybody()
        answer = await site.get("/")
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
        assert cookies(answer)["hive"]["max-age"] == "0"


async def test_a_form_posted_without_a_session_is_refused_and_not_forgotten_in_silence(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as site:
        site.core.agent("worker")
        answer = await site.post("/agent/worker/messages", {"body": "hi"})
        assert answer.status == 401
        assert "Sign in" in await answer.text()
        assert site.core.sent == []
