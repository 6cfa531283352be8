"""`/metrics` of a whole core through a whole dashboard: who gets them, and what else they get."""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from hive_core.operators.scraper import CREDENTIAL, from_systemd
from hive_rpc.client import connect
from hive_rpc.errors import InvalidError
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.people import AuditRequest, InviteRequest, TokenRequest
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import Role
from hive_web.app import create_app
from hive_web.config import WebConfig
from tests.support.whole_core import WholeCore, whole_core

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="sockets get other owners")

TOKEN = "0123456789abcdef" * 4


@dataclass
class Site:
    core: WholeCore
    browser: "TestClient[object, object]"

    async def get(self, path: str, token: str, headers: Mapping[str, str] | None = None) -> ClientResponse:
        given = headers if headers is not None else {"Authorization": f"Bearer {token}"}
        return await self.browser.get(path, headers=given, allow_redirects=False)


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    root, credentials = tmp_path / "hive", tmp_path / "credentials"
    root.mkdir()
    credentials.mkdir()
    (credentials / CREDENTIAL).write_text(f"{TOKEN}\n")
    scraper = from_systemd({"CREDENTIALS_DIRECTORY": str(credentials)})
    async with whole_core(root, monkeypatch, scraper) as core:
        server = TestServer(create_app(WebConfig(core_socket=core.run.web_socket)))
        async with TestClient(server) as browser:
            yield Site(core, browser)


async def test_the_machine_s_token_reads_the_metrics(site: Site) -> None:
    answer = await site.get("/metrics", TOKEN)
    assert answer.status == 200
    assert "hive_messages_sent_total 0.0" in await answer.text()


@pytest.mark.parametrize("wrong", ["", TOKEN[:-1], f"{TOKEN}0", TOKEN.upper(), "f" * 64])
async def test_another_one_does_not(site: Site, wrong: str) -> None:
    answer = await site.get("/metrics", wrong)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    said = await answer.text()
    assert "hive_" not in said
    assert said.startswith("This bearer token is not known")
    assert "services.hive.metrics.tokenFile" in said
    assert not wrong or wrong not in said


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic aGl2ZTpoaXZl"}, {"Cookie": f"hive={TOKEN}"}])
async def test_whoever_sends_none_is_told_where_it_comes_from(site: Site, headers: dict[str, str]) -> None:
    answer = await site.get("/metrics", "", headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    said = await answer.text()
    assert said.startswith("There is no bearer token.")
    assert "services.hive.metrics.tokenFile" in said


async def test_it_reads_nothing_else_and_signs_nobody_in(site: Site) -> None:
    for headers in ({"Authorization": f"Bearer {TOKEN}"}, {"Cookie": f"hive={TOKEN}"}):
        for path in ("/", "/audit", "/events?after=0"):
            answer = await site.get(path, TOKEN, headers)
            assert answer.status in (303, 401), path
    assert (await site.get("/metrics", TOKEN, {"Cookie": f"hive={TOKEN}"})).status == 401
    async with connect(site.core.run.operator_socket) as shell:
        operator = shell.proxy(Operator)
        assert (await operator.sessions(OperatorRequest())).sessions == []
        assert (await operator.audit(AuditRequest())).rows == []


async def test_tokens_made_by_hand_work_beside_it_until_they_are_ended(site: Site) -> None:
    async with connect(site.core.run.operator_socket) as shell:
        operator = shell.proxy(Operator)
        await operator.invite(InviteRequest(name="prometheus", role=Role.VIEWER))
        made = (await operator.create_token(TokenRequest(name="prometheus", days=1))).token
    for token in (made, TOKEN):
        assert (await site.get("/metrics", token)).status == 200
    assert (await site.get("/", made, {"Cookie": f"hive={made}"})).status == 200, "control: this one is a session"


@pytest.mark.parametrize(
    "text", ["", "\n", "a" * 31, "a" * 1025, "two words " * 8, "ä" * 40, "a" * 20 + "\n" + "b" * 20]
)
def test_what_cannot_be_a_token_is_refused_without_being_said(tmp_path: Path, text: str) -> None:
    (tmp_path / CREDENTIAL).write_text(text)
    with pytest.raises(InvalidError) as refused:
        from_systemd({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    said = refused.value.sentence()
    assert "services.hive.metrics.tokenFile" in said
    assert not text.strip() or text.strip() not in said


def test_without_a_file_no_token_is_it(tmp_path: Path) -> None:
    for environment in ({}, {"CREDENTIALS_DIRECTORY": str(tmp_path)}):
        scraper = from_systemd(environment)
        assert not any(scraper.holds(token) for token in (None, "", "None"))
