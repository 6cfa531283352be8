"""Interactive logins: from the address to the account, with a CLI that a test plays, and the real one.

The real one trades its code with a giver of tokens on loopback, which it takes for the one in the internet.
"""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from hive_base.clock import SystemClock
from hive_gateway.accounts.credentials import CLIENT_ID, RenewedCredential
from hive_gateway.accounts.models import StoredAccount
from hive_gateway.login.logins import Logins
from hive_gateway.login.place import bundled_cli
from hive_rpc.accounts import AccountKind
from hive_rpc.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from hive_rpc.interfaces.gateway import LoginCode
from tests.support.manual_clock import ManualClock
from tests.support.oauth import TokenGiver, token_giver

PLAYED = r"""
import json, os, pathlib, sys
assert sys.argv[1:3] == ["auth", "login"], sys.argv
assert os.isatty(0) and os.isatty(1)
address = "https://claude.com/cai/oauth/authorize?code=true&client_id=x&state=" + "s" * 300
print("Opening browser to sign in…\r\n\x1b]8;;" + address + "\x07" + address + "\x1b]8;;\x07\r")
code = input("Paste code here if prompted > ")
if code != "good#code":
    print("\x1b[31mCouldn't log in: Invalid code\x1b[0m")
    sys.exit(1)
where = pathlib.Path(os.environ["CLAUDE_CONFIG_DIR"])
where.mkdir()
given = {"accessToken": "sk-ant-oat01-new", "refreshToken": "sk-ant-ort01-new", "expiresAt": 1777777777000}
(where / ".credentials.json").write_text(json.dumps({"claudeAiOauth": given}))
"""


@asynccontextmanager
async def place(directory: Path, command: Sequence[str]) -> AsyncIterator[Path]:
    """What systemd does for `hive-login.socket`: a process for each connection, which is its standard input."""
    path = directory / "login.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    listening.setblocking(False)
    processes: list[asyncio.subprocess.Process] = []

    async def accept() -> None:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listening)
            connection.setblocking(True)
            with connection:
                processes.append(
                    await asyncio.create_subprocess_exec(
                        *(sys.executable, "-m", "hive_gateway.login", *command),
                        stdin=connection,
                        env={"PYTHONPATH": str(Path.cwd()), "TMPDIR": str(directory)},
                    )
                )

    accepting = asyncio.create_task(accept())
    try:
        yield path
    finally:
        accepting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await accepting
        listening.close()
        for process in processes:
            await process.wait()


@pytest.fixture
def kept() -> list[StoredAccount]:
    return []


@pytest.fixture
async def logins(tmp_path: Path, kept: list[StoredAccount]) -> AsyncIterator[Logins]:
    (tmp_path / "played.py").write_text(PLAYED)

    async def keep(account: StoredAccount) -> None:
        kept.append(account)

    async with place(tmp_path, [sys.executable, str(tmp_path / "played.py")]) as path:
        made = Logins(ManualClock(), keep, path)
        yield made
        made.close()


async def test_a_login_gives_an_account_and_leaves_nothing_behind(
    logins: Logins, kept: list[StoredAccount], tmp_path: Path
) -> None:
    login = await logins.begin("team")
    assert login.address == "https://claude.com/cai/oauth/authorize?code=true&client_id=x&state=" + "s" * 300
    assert list(tmp_path.glob("login-*"))

    await logins.finish(LoginCode(login=login.id, code="good#code"))

    [account] = kept
    assert (account.name, account.kind) == ("team", AccountKind.SUBSCRIPTION)
    assert account.secret.get_secret_value() == "sk-ant-oat01-new"
    assert account.renewal is not None
    assert account.renewal.token.get_secret_value() == "sk-ant-ort01-new"
    assert account.renewal.expires_at == datetime.fromtimestamp(1777777777, UTC)
    while list(tmp_path.glob("login-*")):
        await asyncio.sleep(0.005)


async def test_a_code_that_is_refused_is_said_and_ends_the_login(logins: Logins, kept: list[StoredAccount]) -> None:
    login = await logins.begin("team")
    with pytest.raises(InvalidError, match="Couldn't log in: Invalid code"):
        await logins.finish(LoginCode(login=login.id, code="bad#code"))
    with pytest.raises(NotFoundError):
        await logins.finish(LoginCode(login=login.id, code="good#code"))
    assert kept == []


@pytest.mark.parametrize("code", ["good\rcode", "", "x" * 5000, "good#code\n", "gööd", "\x03"])
async def test_what_is_no_code_is_not_typed_anywhere(logins: Logins, kept: list[StoredAccount], code: str) -> None:
    login = await logins.begin("team")
    with pytest.raises(InvalidError, match="not a code"):
        await logins.finish(LoginCode(login=login.id, code=code))
    await logins.finish(LoginCode(login=login.id, code="good#code"))
    assert len(kept) == 1


async def test_only_so_many_logins_are_under_way_at_once(logins: Logins) -> None:
    for _ in range(4):
        await logins.begin("team")
    with pytest.raises(ConflictError):
        await logins.begin("team")


async def test_without_a_place_to_log_in_one_is_told_what_to_do(tmp_path: Path) -> None:
    async def keep(account: StoredAccount) -> None: ...

    with pytest.raises(UnavailableError) as caught:
        await Logins(ManualClock(), keep, tmp_path / "none.sock").begin("team")
    assert "hive-login.socket" in caught.value.hint
    assert "setup token" in caught.value.hint


async def test_the_real_cli_gives_an_address_to_log_in_at(tmp_path: Path) -> None:
    """In a network of its own, in which there is nothing."""
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")

    async def keep(account: StoredAccount) -> None: ...

    async with place(tmp_path, ["/usr/bin/unshare", "--net", bundled_cli()]) as path:
        made = Logins(ManualClock(), keep, path)
        login = await made.begin("team")
        assert login.address.startswith("https://claude.com/")
        assert "/oauth/authorize?" in login.address
        assert "code_challenge=" in login.address
        assert "state=" in login.address
        # It tries to trade the code for a token, and there is nobody to trade with.
        with pytest.raises(InvalidError, match="log in"):
            await made.finish(LoginCode(login=login.id, code="some#code"))
        made.close()


@asynccontextmanager
async def real_logins(directory: Path, giver: TokenGiver, kept: list[StoredAccount]) -> AsyncIterator[Logins]:
    """With the real CLI, which has no way out but the site's proxy."""
    cli = directory / "claude"
    variables = f"HTTPS_PROXY=http://127.0.0.1:{giver.proxy.port} NODE_EXTRA_CA_CERTS={giver.certificate}"
    cli.write_text(f'#!/bin/sh\nexport {variables}\nexec {bundled_cli()} "$@"\n')
    cli.chmod(0o755)

    async def keep(account: StoredAccount) -> None:
        kept.append(account)

    async with place(directory, [str(cli)]) as path:
        made = Logins(SystemClock(), keep, path)
        yield made
        made.close()


async def test_the_real_cli_trades_its_code_and_the_gateway_renews_what_it_got(
    tmp_path: Path, kept: list[StoredAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with token_giver(tmp_path) as giver:
        async with real_logins(tmp_path, giver, kept) as logins:
            login = await logins.begin("team")
            giver.address = login.address
            await logins.finish(LoginCode(login=login.id, code=giver.code()))
        [account] = kept
        assert account.secret.get_secret_value() == "sk-ant-oat01-given-1"
        assert account.renewal is not None
        assert account.renewal.token.get_secret_value() == "sk-ant-ort01-given-1"

        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{giver.proxy.port}")
        clock = ManualClock(account.renewal.expires_at)
        trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(giver.certificate)))
        async with aiohttp.ClientSession(connector=trusted) as session:
            credential = RenewedCredential(account, session, clock, changed=logins._keep, spawn=asyncio.create_task)
            assert await credential.current() == {"authorization": "Bearer sk-ant-oat01-given-2"}
        # What is closed over TLS is gone a moment later.
        while len(giver.proxy.serving) > sum(task.done() for task in giver.proxy.serving):
            await asyncio.sleep(0.005)
    assert [asked["grant_type"] for asked in giver.asked] == ["authorization_code", "refresh_token"]
    assert giver.asked[0]["client_id"] == giver.asked[1]["client_id"]
    renewal = kept[-1].renewal
    assert renewal is not None
    assert renewal.token.get_secret_value() == "sk-ant-ort01-given-2"
    assert all(head.startswith(b"CONNECT ") for head in giver.proxy.asked)


async def test_the_real_cli_says_when_its_code_is_not_taken(tmp_path: Path, kept: list[StoredAccount]) -> None:
    async with token_giver(tmp_path) as giver, real_logins(tmp_path, giver, kept) as logins:
        login = await logins.begin("team")
        giver.address = login.address
        with pytest.raises(InvalidError, match="code wasn't accepted") as refused:
            await logins.finish(LoginCode(login=login.id, code="another#" + giver.code().partition("#")[2]))
    assert kept == []
    assert "another" not in str(refused.value)
    assert [asked["code"] for asked in giver.asked] == ["another"]


async def test_the_gateway_asks_for_a_renewal_as_the_real_cli_does(tmp_path: Path) -> None:
    """The CLI also names the scopes, which are the ones it had where nobody does (RFC 6749, 6)."""
    async with token_giver(tmp_path) as giver:
        giver.given = 1
        config = tmp_path / "config"
        config.mkdir()
        old = {
            "accessToken": "sk-ant-oat01-given-1",
            "refreshToken": "sk-ant-ort01-given-1",
            "expiresAt": 1,
            "scopes": ["user:inference", "user:profile"],
        }
        (config / ".credentials.json").write_text(json.dumps({"claudeAiOauth": old}))
        process = await asyncio.create_subprocess_exec(
            *(bundled_cli(), "--print", "hello"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(tmp_path),
                "CLAUDE_CONFIG_DIR": str(config),
                "HTTPS_PROXY": f"http://127.0.0.1:{giver.proxy.port}",
                "NODE_EXTRA_CA_CERTS": str(giver.certificate),
                "CLAUDE_CODE_MAX_RETRIES": "0",
                "DISABLE_TELEMETRY": "1",
            },
        )
        while not giver.asked:
            await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
    [asked] = giver.asked
    asked.pop("scope")
    assert asked == {"grant_type": "refresh_token", "refresh_token": "sk-ant-ort01-given-1", "client_id": CLIENT_ID}
