"""Who gives tokens to Claude Code, played on loopback behind a proxy of a site, with the real names."""

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from tests.support.egress import SiteProxy, site_proxy

HOSTS = ("platform.claude.com", "api.anthropic.com")
CODE = "the-code"


@dataclass
class TokenGiver:
    """Checks what OAuth has it check (RFC 6749, 4.1.3 and 6; RFC 7636), and gives each token that renews once."""

    proxy: SiteProxy
    certificate: Path
    address: str = ""
    """What the login was begun with: the challenge that the code goes with."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The bodies that asked for tokens."""
    given: int = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        if request.path == "/api/oauth/profile":
            account = {"uuid": "account-1", "email": "ada@example.org"}
            return web.json_response({"account": account, "organization": {"organization_type": "claude_max"}})
        if request.path != "/v1/oauth/token":
            return web.json_response({})
        asked = json.loads(body)
        self.asked.append(asked)
        if not (self._code_is_good(asked) or self._renewal_is_good(asked)):
            status = 401 if asked["grant_type"] == "authorization_code" else 400
            return web.json_response({"error": "invalid_grant"}, status=status)
        self.given += 1
        return web.json_response(
            {
                "token_type": "Bearer",
                "access_token": f"sk-ant-oat01-given-{self.given}",
                "refresh_token": f"sk-ant-ort01-given-{self.given}",
                "expires_in": 28800,
                "scope": "user:inference user:profile",
            }
        )

    def _code_is_good(self, asked: dict[str, Any]) -> bool:
        if asked["grant_type"] != "authorization_code" or asked["code"] != CODE:
            return False
        begun = {key: values[0] for key, values in parse_qs(urlsplit(self.address).query).items()}
        digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == begun["code_challenge"]
        return all(asked[key] == begun[key] for key in ("client_id", "redirect_uri", "state"))

    def _renewal_is_good(self, asked: dict[str, Any]) -> bool:
        return asked["grant_type"] == "refresh_token" and asked["refresh_token"] == f"sk-ant-ort01-given-{self.given}"

    def code(self) -> str:
        """What the page at the address shows, after somebody has agreed."""
        return f"{CODE}#{parse_qs(urlsplit(self.address).query)['state'][0]}"


@asynccontextmanager
async def token_giver(directory: Path) -> AsyncIterator[TokenGiver]:
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -keyout key.pem -out cert.pem"
    process = await asyncio.create_subprocess_exec(
        *(*made.split(), "-subj", "/CN=played", "-addext", f"subjectAltName={names}"),
        cwd=directory,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    async with site_proxy() as proxy:
        giver = TokenGiver(proxy, directory / "cert.pem")
        http = web.Server(giver, access_log=None)
        server = await asyncio.get_running_loop().create_server(http, "127.0.0.1", 0, ssl=context)
        place = ("127.0.0.1", server.sockets[0].getsockname()[1])
        proxy.leads_to |= {f"{host}:443": place for host in HOSTS}
        try:
            yield giver
        finally:
            server.close()
            await http.shutdown(0.1)
