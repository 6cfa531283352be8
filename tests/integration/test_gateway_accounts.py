"""Accounts: kept by the gateway alone, swapped in on the way, changed while it runs; and what limits them."""

import asyncio
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDictProxy
from pydantic import SecretStr

from hive_base.clock import SystemClock
from hive_gateway.accounts.accounts import Accounts
from hive_gateway.accounts.credentials import RenewedCredential
from hive_gateway.accounts.models import Renewal, StoredAccount
from hive_gateway.errands import Errands
from hive_gateway.errors import ApiError
from hive_gateway.login.logins import Logins
from hive_gateway.model_socket import ModelSocket
from hive_gateway.standin.app import StandIn
from hive_rpc.accounts import AccountKind, AccountState, Caps, HoldKind
from hive_rpc.interfaces.gateway import (
    PLACEHOLDER_TOKEN,
    AgentsReply,
    Errand,
    ErrandKind,
    FinishErrandRequest,
    GatewayAgent,
    NewAccount,
    Trial,
)
from tests.support.gateway import KEY, MESSAGES, Parts, api_account, api_server, client_of, parts
from tests.support.manual_clock import ManualClock
from tests.support.seen import Memory

START = datetime(2026, 5, 1, 10, 20, tzinfo=UTC)
TOKEN = "sk-ant-oat01-the-real-one"
TRIAL = Trial(account="default", agent="worker")
REQUEST = {"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [{"role": "user", "content": "say x"}]}


def uses(account: str | None) -> AgentsReply:
    return AgentsReply(agents=[GatewayAgent(name="worker", directory="/", account=account)])


def subscription(base_url: str, **more: Any) -> StoredAccount:
    return StoredAccount(
        name="default", kind=AccountKind.SETUP_TOKEN, secret=SecretStr(TOKEN), base_url=base_url.rstrip("/"), **more
    )


class Api:
    """An API that remembers what it was asked and answers as it is told."""

    def __init__(self) -> None:
        self.seen: list[CIMultiDictProxy[str]] = []
        self.status = 200
        self.headers: dict[str, str] = {}

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(request.headers)
        await request.read()
        body = {"model": "claude-sonnet-4-5", "usage": {"input_tokens": 1, "output_tokens": 1}}
        return web.json_response(body, status=self.status, headers=self.headers)


async def errand(made: Parts, kind: ErrandKind, **particulars: Any) -> FinishErrandRequest:
    errands = Errands(made.accounts, made.treasury, made.book, Logins(SystemClock(), made.accounts.keep))
    return await errands.run(Errand(id="errand_1", kind=kind, **particulars))


async def post(
    made: Parts, request: dict[str, Any] = REQUEST, **headers: str
) -> tuple[int, dict[str, Any], CIMultiDictProxy[str]]:
    async with client_of(made.socket) as client, client.post(MESSAGES, json=request, headers=headers) as answer:
        return answer.status, await answer.json(), answer.headers


async def test_an_account_is_added_used_given_a_new_secret_and_removed_without_a_restart(tmp_path: Path) -> None:
    api = Api()
    async with api_server(api) as server, parts(tmp_path, core=uses("night")) as made:
        base_url = str(server.make_url("/")).rstrip("/")
        assert (await post(made))[0] == 401

        for key in ("sk-ant-api03-one", "sk-ant-api03-two"):
            new = NewAccount(name="night", kind=AccountKind.API_KEY, secret=key, base_url=base_url)
            assert (await errand(made, ErrandKind.ADD_ACCOUNT, add_account=new)).error is None
            assert (await post(made))[0] == 200
        assert [headers["x-api-key"] for headers in api.seen] == ["sk-ant-api03-one", "sk-ant-api03-two"]

        assert (await errand(made, ErrandKind.REMOVE_ACCOUNT, remove_account="night")).error is None
        assert (await post(made))[0] == 401
        gone = await errand(made, ErrandKind.REMOVE_ACCOUNT, remove_account="night")
        assert gone.error is not None
        assert gone.error.name == "org.hive.NotFound"
        assert len(api.seen) == 2


async def test_a_stored_account_is_there_after_a_restart_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    new = NewAccount(name="night", kind=AccountKind.API_KEY, secret=KEY)
    async with parts(tmp_path) as made:
        await errand(made, ErrandKind.ADD_ACCOUNT, add_account=new)
    async with parts(tmp_path) as made:
        assert {account.name: account.kind for account in made.accounts.public()} == {
            "default": AccountKind.STAND_IN,
            "night": AccountKind.API_KEY,
        }
        found = made.accounts.find("night")
        assert found is not None
        assert KEY not in f"{found!r} {made.accounts.public()!r}"

    state = tmp_path / "state"
    assert {path.name: path.stat().st_mode & 0o777 for path in (state / "accounts").iterdir()} == {"night.json": 0o600}
    assert (state / "accounts").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in state.iterdir()} == {0}
    assert [path.name for path in state.iterdir() if path.is_file() and KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (NewAccount(name="x", kind=AccountKind.API_KEY, secret="sk ant secret"), "secret"),
        (NewAccount(name="x", kind=AccountKind.API_KEY, secret="sk-ant-secret\r\nx-evil: 1"), "secret"),
        (NewAccount(name="x", kind=AccountKind.API_KEY, secret=""), "empty"),
        (NewAccount(name="x", kind=AccountKind.API_KEY, secret="sk-ant-" + "x" * 5000), "longer than any key"),
        (NewAccount(name="x", kind=AccountKind.API_KEY, secret="sk-ant-oat01-x"), "it is a setup token"),
        (NewAccount(name="x", kind=AccountKind.SETUP_TOKEN, secret="sk-ant-api03-x"), "it is an API key"),
        (NewAccount(name="../x", kind=AccountKind.API_KEY, secret="sk-ant-secret"), "name"),
        (NewAccount(name="x", kind=AccountKind.API_KEY, secret="sk-ant-secret", base_url="http://evil"), "https"),
    ],
)
async def test_what_is_no_account_is_refused_without_quoting_it(
    tmp_path: Path, new: NewAccount, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with parts(tmp_path) as made:
        done = await errand(made, ErrandKind.ADD_ACCOUNT, add_account=new)

    assert done.error is not None
    assert done.error.name == "org.hive.Invalid"
    assert what in done.error.message
    assert "Value error" not in done.error.message
    assert not any(piece in f"{done.error} {caplog.text} {new!r}" for piece in ("sk-ant-", "sk ant"))


async def test_a_credential_of_systemd_s_cannot_be_changed_here(tmp_path: Path) -> None:
    account = api_account().model_copy(update={"read_only": True})
    new = NewAccount(name="default", kind=AccountKind.API_KEY, secret="sk-ant-api03-other")
    async with parts(tmp_path, accounts=[account]) as made:
        for done in (
            await errand(made, ErrandKind.ADD_ACCOUNT, add_account=new),
            await errand(made, ErrandKind.REMOVE_ACCOUNT, remove_account="default"),
        ):
            assert done.error is not None
            assert done.error.name == "org.hive.Conflict"


async def test_a_subscription_s_token_goes_where_subscriptions_go(tmp_path: Path) -> None:
    api = Api()
    async with api_server(api) as server:
        async with parts(tmp_path, accounts=[subscription(str(server.make_url("/")))]) as made:
            await post(made, **{"anthropic-beta": "claude-code-20250219,oauth-2025-04-20"})
            # One that was started for an account with a key does not know that the API wants this.
            await post(made, **{"anthropic-beta": "claude-code-20250219"})
            async with client_of(made.socket) as client:
                del client.headers["x-api-key"]
                headers = {"authorization": f"Bearer {PLACEHOLDER_TOKEN}"}
                async with client.post(MESSAGES, json=REQUEST, headers=headers) as answer:
                    assert answer.status == 200

    assert {headers["authorization"] for headers in api.seen} == {f"Bearer {TOKEN}"}
    assert all("x-api-key" not in headers for headers in api.seen)
    assert [headers["anthropic-beta"] for headers in api.seen] == [
        "claude-code-20250219,oauth-2025-04-20",
        "claude-code-20250219,oauth-2025-04-20",
        "oauth-2025-04-20",
    ]


async def test_a_limit_holds_the_account_and_nothing_is_spent_on_finding_out(tmp_path: Path) -> None:
    api, clock = Api(), ManualClock(START)
    reset = START + timedelta(hours=2)
    api.status, api.headers = (
        429,
        {
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-reset": str(int(reset.timestamp())),
            "anthropic-ratelimit-unified-representative-claim": "seven_day",
            "anthropic-ratelimit-unified-7d-utilization": "1.0",
            "anthropic-ratelimit-unified-7d-reset": str(int(reset.timestamp())),
            "anthropic-ratelimit-unified-7d-status": "rejected",
        },
    )
    async with api_server(api) as server:
        account = subscription(str(server.make_url("/")))
        async with parts(tmp_path, accounts=[account], clock=clock) as made:
            first = await post(made)
            api.status = 200
            again = await post(made)
            assert len(api.seen) == 1
            for status, _, headers in (first, again):
                assert (status, headers["anthropic-ratelimit-unified-status"]) == (429, "rejected")
                assert headers["anthropic-ratelimit-unified-reset"] == str(int(reset.timestamp()))
                assert headers["anthropic-ratelimit-unified-representative-claim"] == "seven_day"
            assert again[1]["error"]["type"] == "rate_limit_error"
            assert int(again[2]["retry-after"]) == 7200
            [hold] = made.accounts.holds()
            assert (hold.kind, hold.name, hold.until) == (HoldKind.LIMIT, "default", reset)
            [public] = made.accounts.public()
            assert (public.state, public.held_until) == (AccountState.HELD, reset)
            assert [(w.name, w.utilization, w.resets_at) for w in public.limits] == [("seven_day", 1.0, reset)]

        # The hold outlives the gateway, and ends by the clock.
        async with parts(tmp_path, accounts=[account], clock=clock) as made:
            assert (await post(made))[0] == 429
            await clock.advance(7200)
            assert (await post(made))[0] == 200
            assert made.accounts.holds() == []
    assert len(api.seen) == 2


async def test_an_agent_that_was_woken_tries_what_holds_its_account_and_the_answer_decides(
    tmp_path: Path,
) -> None:
    api, clock = Api(), ManualClock(START)
    api.status, api.headers = 429, {"retry-after": "7200"}
    both = AgentsReply(agents=[GatewayAgent(name=name, directory="/") for name in ("worker", "other")])
    (tmp_path / "other").mkdir()
    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], clock=clock, core=both) as made:
            other = ModelSocket(made.desk, clock, agent="other", directory=tmp_path / "other", connections=4)
            await other.start()
            others = replace(made, socket=other.path)
            assert [(await post(who))[0] for who in (made, others)] == [429, 429]
            assert len(api.seen) == 1

            # Still limited: the hold is renewed, also for the one that tried, and nobody else was let through.
            await clock.advance(600)
            for _ in range(2):
                assert (await errand(made, ErrandKind.TRY_ACCOUNT, try_account=TRIAL)).error is None
            assert [(await post(who))[0] for who in (others, made, made)] == [429] * 3
            assert len(api.seen) == 2
            assert [hold.until for hold in made.accounts.holds()] == [START + timedelta(seconds=600 + 7200)]

            # Neither an answer about something else nor a count of tokens decides.
            await errand(made, ErrandKind.TRY_ACCOUNT, try_account=TRIAL)
            api.status = 529
            assert (await post(made))[0] == 529
            api.status, api.headers = 200, {}
            async with client_of(made.socket) as client, client.post(f"{MESSAGES}/count_tokens", json=REQUEST) as count:
                assert count.status == 200
            assert (await post(others))[0] == 429

            # No longer: it is over for everybody.
            assert [(await post(who))[0] for who in (made, others)] == [200, 200]
            assert made.accounts.holds() == []
            await other.close(0)
        async with parts(tmp_path, accounts=[account], clock=clock, core=both) as made:
            assert made.accounts.holds() == []
            nobody = await errand(made, ErrandKind.TRY_ACCOUNT, try_account=Trial(account="none", agent="worker"))
            assert nobody.error is not None


async def test_a_refused_credential_can_be_tried_at_once_and_a_stop_or_a_cap_cannot(tmp_path: Path) -> None:
    api = Api()
    api.status = 401
    capped = AgentsReply(agents=[GatewayAgent(name="worker", directory="/", caps=Caps(day_tokens=1))])
    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], clock=ManualClock(START), core=capped) as made:
            assert [(await post(made))[0] for _ in range(2)] == [401, 401]
            api.status = 200
            await errand(made, ErrandKind.TRY_ACCOUNT, try_account=TRIAL)
            made.desk.follow(capped.model_copy(update={"stopped": "ada at noon"}))
            assert (await post(made))[0] == 429
            made.desk.follow(capped)
            assert [(await post(made))[0] for _ in range(2)] == [200, 400]
            await errand(made, ErrandKind.TRY_ACCOUNT, try_account=TRIAL)
            assert (await post(made))[0] == 400
    assert len(api.seen) == 2


async def test_an_api_key_s_limit_holds_as_long_as_it_says(tmp_path: Path) -> None:
    api, clock = Api(), ManualClock(START)
    api.status, api.headers = (
        429,
        {
            "retry-after": "90",
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "10",
            "anthropic-ratelimit-requests-reset": "2026-05-01T10:21:00Z",
        },
    )
    async with api_server(api) as server:
        base_url = str(server.make_url("/")).rstrip("/")
        async with parts(tmp_path, accounts=[api_account(base_url=base_url)], clock=clock) as made:
            await post(made)
            api.status = 200
            status, _, headers = await post(made)
            assert (status, headers["retry-after"], headers["x-should-retry"]) == (429, "90", "false")
            assert "anthropic-ratelimit-unified-status" not in headers
            [window] = made.accounts.public()[0].limits
            assert (window.name, window.utilization) == ("requests", pytest.approx(0.8))
            await clock.advance(90)
            assert (await post(made))[0] == 200


async def test_the_limit_of_counting_tokens_is_no_limit_of_messages(tmp_path: Path) -> None:
    """Positive control: the same answer to a message holds the account."""
    api, clock = Api(), ManualClock(START)
    api.status, api.headers = 429, {"retry-after": "90"}
    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account], clock=clock) as made, client_of(made.socket) as client:
            async with client.post(f"{MESSAGES}/count_tokens", json=REQUEST) as answer:
                assert answer.status == 429
            assert made.accounts.holds() == []
            assert (await post(made))[0] == 429
            assert len(made.accounts.holds()) == 1
            # While it is held nothing is asked of the API, whatever it is.
            async with client.post(f"{MESSAGES}/count_tokens", json=REQUEST) as answer:
                assert answer.status == 429
    assert len(api.seen) == 2


async def test_an_overloaded_api_holds_nobody(tmp_path: Path) -> None:
    api = Api()
    api.status, api.headers = 529, {"retry-after": "90"}
    async with api_server(api) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account]) as made:
            assert [(await post(made))[0] for _ in range(2)] == [529, 529]
            assert made.accounts.holds() == []
    assert len(api.seen) == 2


async def test_a_refused_credential_needs_a_login_until_there_is_another(tmp_path: Path) -> None:
    api, clock = Api(), ManualClock(START)
    api.status = 401
    async with api_server(api) as server:
        base_url = str(server.make_url("/")).rstrip("/")
        async with parts(tmp_path, accounts=[api_account(base_url=base_url)], clock=clock) as made:
            assert [(await post(made))[0] for _ in range(3)] == [401, 401, 401]
            assert len(api.seen) == 1
            assert made.accounts.public()[0].state is AccountState.NEEDS_LOGIN
            assert [hold.kind for hold in made.accounts.holds()] == [HoldKind.LOGIN]

            api.status = 200
            new = NewAccount(name="default", kind=AccountKind.API_KEY, secret=KEY, base_url=base_url)
            await errand(made, ErrandKind.ADD_ACCOUNT, add_account=new)
            assert (await post(made))[0] == 200
            assert made.accounts.public()[0].state is AccountState.READY


async def test_the_stand_in_can_be_limited_as_an_account_can(tmp_path: Path) -> None:
    seen, clock = Memory(), ManualClock(START)
    prompt = "[[stand-in: unified-limit resets_in=60]] say x"
    request = {**REQUEST, "messages": [{"role": "user", "content": prompt}]}
    async with parts(tmp_path, stand_in=StandIn(clock, seen), clock=clock) as made:
        statuses = [(await post(made, request))[0] for _ in range(3)]
        await clock.advance(60)
        statuses.append((await post(made, request))[0])

    assert statuses == [429, 429, 429, 200]
    assert len(seen.requests) == 2


async def test_stopping_everything_refuses_at_once_and_can_be_undone(tmp_path: Path) -> None:
    api = Api()
    async with api_server(api) as server:
        base_url = str(server.make_url("/")).rstrip("/")
        async with parts(tmp_path, accounts=[api_account(base_url=base_url)], core=uses(None)) as made:
            made.desk.follow(uses(None).model_copy(update={"stopped": "ada at noon"}))
            status, body, headers = await post(made)
            assert (status, body["error"]["type"], headers["x-should-retry"]) == (429, "rate_limit_error", "false")
            assert "ada at noon" in body["error"]["message"]
            made.desk.follow(uses(None))
            assert (await post(made))[0] == 200
    assert len(api.seen) == 1


class TokenServer:
    """Gives new tokens, or not."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = 200

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(json.loads(await request.read()))
        await asyncio.sleep(0)
        number = len(self.asked)
        body = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 3600}
        return web.json_response(body, status=self.status)


def logged_in(minutes: float) -> StoredAccount:
    renewal = Renewal(token=SecretStr("refresh-0"), expires_at=START + timedelta(minutes=minutes))
    return StoredAccount(name="team", kind=AccountKind.SUBSCRIPTION, secret=SecretStr("access-0"), renewal=renewal)


async def test_a_token_that_ends_is_renewed_once_whoever_asks_and_kept(tmp_path: Path) -> None:
    tokens, clock, kept = TokenServer(), ManualClock(START), list[StoredAccount]()

    async def keep(account: StoredAccount) -> None:
        kept.append(account)

    async with api_server(tokens) as server, parts(tmp_path) as made:
        session = made.accounts._session
        credential = RenewedCredential(
            logged_in(minutes=4),
            session,
            clock,
            changed=keep,
            spawn=asyncio.create_task,
            address=str(server.make_url("/")),
        )
        headers = await asyncio.gather(*(credential.current() for _ in range(50)))
        assert {h["authorization"] for h in headers} == {"Bearer access-1"}
        assert [asked["refresh_token"] for asked in tokens.asked] == ["refresh-0"]

        # The API refuses what should still hold: renewed once, however many were refused.
        assert await asyncio.gather(*(credential.refused(headers[0]) for _ in range(10))) == [True] * 10
        assert [asked["refresh_token"] for asked in tokens.asked] == ["refresh-0", "refresh-1"]

        assert [account.renewal and account.renewal.token.get_secret_value() for account in kept] == [
            "refresh-1",
            "refresh-2",
        ]


async def test_a_renewal_that_fails_is_not_tried_again_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens, clock = TokenServer(), ManualClock(START)
    tokens.status = 400

    async def keep(account: StoredAccount) -> None:
        raise AssertionError("there is nothing to keep")

    async with api_server(tokens) as server, parts(tmp_path) as made:
        session = made.accounts._session
        credential = RenewedCredential(
            logged_in(minutes=-1),
            session,
            clock,
            changed=keep,
            spawn=asyncio.create_task,
            address=str(server.make_url("/")),
        )
        for seconds, asked in ((0, 1), (0, 1), (5, 2), (5, 2), (5, 3)):
            await clock.advance(seconds)
            with pytest.raises(Exception, match="new login"):
                await credential.current()
            assert len(tokens.asked) == asked
    assert "refresh-0" not in caplog.text


async def test_a_renewal_that_cannot_be_had_now_is_no_reason_to_log_in_again(tmp_path: Path) -> None:
    tokens, clock = TokenServer(), ManualClock(START)
    tokens.status = 503

    async def keep(account: StoredAccount) -> None:
        pass

    async with api_server(tokens) as server, parts(tmp_path) as made:
        session = made.accounts._session
        credential = RenewedCredential(
            logged_in(minutes=-1),
            session,
            clock,
            changed=keep,
            spawn=asyncio.create_task,
            address=str(server.make_url("/")),
        )
        with pytest.raises(ApiError, match="try again") as failed:
            await credential.current()
        assert failed.value.status == 529
        tokens.status = 200
        await clock.advance(5)
        assert (await credential.current())["authorization"] == "Bearer access-2"


class SlowTokens(TokenServer):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = await super().__call__(request)
        self.reached.set()
        await self.go_on.wait()
        return answer


async def test_a_client_that_goes_away_does_not_take_a_renewal_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What renews a token is good for once: the answer to it is kept, or the account is lost."""
    api, tokens, clock = Api(), SlowTokens(), ManualClock(START)
    async with api_server(api) as server, api_server(tokens) as token_server:
        monkeypatch.setattr(RenewedCredential.__init__, "__kwdefaults__", {"address": str(token_server.make_url("/"))})
        account = logged_in(minutes=1).model_copy(update={"base_url": str(server.make_url("/")).rstrip("/")})
        async with parts(tmp_path, clock=clock, core=uses("team")) as made:
            await made.accounts.keep(account)
            asking = asyncio.create_task(post(made))
            await tokens.reached.wait()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            second = asyncio.create_task(post(made))
            tokens.go_on.set()
            assert (await second)[0] == 200
    assert len(tokens.asked) == 1
    assert [headers["authorization"] for headers in api.seen] == ["Bearer access-1"]
    assert '"refresh-1"' in (tmp_path / "state" / "accounts" / "team.json").read_text()


@pytest.mark.parametrize("end", ["removed", "replaced"])
async def test_a_renewal_does_not_bring_back_an_account_that_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    tokens, clock = SlowTokens(), ManualClock(START)
    file = tmp_path / "state" / "accounts" / "team.json"
    async with api_server(tokens) as token_server:
        monkeypatch.setattr(RenewedCredential.__init__, "__kwdefaults__", {"address": str(token_server.make_url("/"))})
        async with parts(tmp_path, clock=clock, core=uses("team")) as made:
            await made.accounts.keep(logged_in(minutes=-1))
            asking = asyncio.create_task(post(made))
            await tokens.reached.wait()
            if end == "removed":
                await made.accounts.remove("team")
            else:
                await made.accounts.keep(api_account("team"))
            tokens.go_on.set()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
    assert not file.exists() if end == "removed" else KEY in file.read_text()


async def test_a_login_s_account_is_renewed_on_the_way_to_the_api_and_after_a_restart_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, tokens, clock = Api(), TokenServer(), ManualClock(START)
    async with api_server(api) as server, api_server(tokens) as token_server:
        monkeypatch.setattr(RenewedCredential.__init__, "__kwdefaults__", {"address": str(token_server.make_url("/"))})
        account = logged_in(minutes=1).model_copy(update={"base_url": str(server.make_url("/")).rstrip("/")})
        async with parts(tmp_path, clock=clock, core=uses("team")) as made:
            await made.accounts.keep(account)
            assert (await post(made))[0] == 200
        async with parts(tmp_path, clock=clock, core=uses("team")) as made:
            assert (await post(made))[0] == 200
            assert isinstance(made.accounts, Accounts)
    assert [headers["authorization"] for headers in api.seen] == ["Bearer access-1"] * 2
    assert len(tokens.asked) == 1
