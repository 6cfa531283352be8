"""The real Claude CLI, through the harness's forwarder and the gateway, to the stand-in in the API's place."""

import importlib.util
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict
from pydantic import SecretStr

from hive_agent.classify.evidence import TurnEvidence
from hive_agent.classify.rules import classify
from hive_agent.harness.forwarder import Forwarder
from hive_base.clock import SystemClock
from hive_base.process import run
from hive_gateway.accounts.models import StoredAccount
from hive_gateway.model_socket import ModelSocket
from hive_gateway.standin.app import StandIn, build
from hive_rpc.accounts import AccountKind, Caps
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY, PLACEHOLDER_TOKEN, AgentsReply, GatewayAgent
from hive_rpc.types import TurnOutcome
from tests.support.gateway import KEY, Parts, api_account, parts
from tests.support.seen import Memory

_sdk = importlib.util.find_spec("claude_agent_sdk")
assert _sdk is not None
assert _sdk.origin is not None
TOKEN = "sk-ant-oat01-the-real-one"
CLI = Path(_sdk.origin).parent / "_bundled" / "claude"


@dataclass(frozen=True)
class Ended:
    exit_code: int
    lines: list[dict[str, Any]]

    @property
    def result(self) -> dict[str, Any]:
        return next(line for line in reversed(self.lines) if line["type"] == "result")


@dataclass(frozen=True)
class Cli:
    """The CLI in a home of its own, in an agent's place."""

    home: Path
    port: int
    api: Memory

    credential: tuple[str, str] = ("ANTHROPIC_API_KEY", PLACEHOLDER_API_KEY)
    gateway: Parts | None = None

    async def turn(self, prompt: str, *arguments: str) -> Ended:
        done = await run(
            [
                CLI,
                *("--print", "--verbose", "--output-format", "stream-json", "--model", "sonnet"),
                *("--allowedTools", "Bash", "Write", "--setting-sources", "user", *arguments),
            ],
            stdin=prompt.encode(),
            environment={
                "HOME": str(self.home),
                "CLAUDE_CONFIG_DIR": str(self.home / "claude"),
                "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{self.port}",
                self.credential[0]: self.credential[1],
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "CLAUDE_CODE_MAX_RETRIES": "1",
            },
            directory=self.home,
            check=False,
        )
        return Ended(done.exit_code, [json.loads(line) for line in done.stdout.splitlines()])


@pytest.fixture
async def cli(tmp_path: Path) -> AsyncIterator[Cli]:
    api = Memory()
    home = tmp_path / "home"
    home.mkdir()
    async with TestServer(build(StandIn(recorder=api))) as server:
        account = api_account(base_url=str(server.make_url("/")).rstrip("/"))
        async with parts(tmp_path, accounts=[account]) as made:
            forwarder = Forwarder(made.socket, SystemClock())
            port = forwarder.listen(0)
            yield Cli(home, port, api, gateway=made)
            await forwarder.close()


@pytest.fixture
async def colleagues(tmp_path: Path) -> AsyncIterator[tuple[Cli, Cli]]:
    """Two agents that share a subscription."""
    api, clock = Memory(), SystemClock()
    async with TestServer(build(StandIn(recorder=api))) as server:
        account = StoredAccount(
            name="default",
            kind=AccountKind.SETUP_TOKEN,
            secret=SecretStr(TOKEN),
            base_url=str(server.make_url("/")).rstrip("/"),
        )
        async with AsyncExitStack() as stack:
            made = await stack.enter_async_context(parts(tmp_path, accounts=[account]))
            other = tmp_path / "other"
            other.mkdir()
            socket = ModelSocket(made.desk, clock, agent="other", directory=other, connections=64)
            await socket.start()
            stack.push_async_callback(socket.close, 0)
            clis = []
            for name, path in (("one", made.socket), ("two", socket.path)):
                (tmp_path / name).mkdir()
                forwarder = Forwarder(path, clock)
                stack.push_async_callback(forwarder.close)
                port = forwarder.listen(0)
                clis.append(Cli(tmp_path / name, port, api, ("CLAUDE_CODE_OAUTH_TOKEN", PLACEHOLDER_TOKEN)))
            yield clis[0], clis[1]


async def test_a_subscription_s_limit_reaches_every_agent_that_shares_it_with_its_end(
    colleagues: tuple[Cli, Cli],
) -> None:
    one, two = colleagues
    well = await one.turn("what is 6*7?")
    limited = await one.turn("[[stand-in: unified-limit resets_in=3600 claim=seven_day]] say x")
    asked = len(one.api.requests)
    shared = await two.turn("what is 6*7?")

    assert well.result["result"] == "6*7 = 42"
    headers = [CIMultiDict(seen.headers) for seen in one.api.requests]
    assert {sent["authorization"] for sent in headers} == {f"Bearer {TOKEN}"}
    assert not any("x-api-key" in sent for sent in headers)
    ends = []
    for turn in (limited, shared):
        assert (turn.exit_code, turn.result["api_error_status"]) == (1, 429)
        info = [line for line in turn.lines if line["type"] == "rate_limit_event"][-1]["rate_limit_info"]
        assert (info["status"], info["rateLimitType"]) == ("rejected", "seven_day")
        ends.append(info["resetsAt"])
    assert ends[0] == ends[1]
    # The second one was told by the gateway: nothing was spent on finding out.
    assert len(one.api.requests) == asked


async def test_a_cap_is_an_end_of_the_turn_that_the_cli_does_not_try_again(cli: Cli) -> None:
    turn = await cli.turn("[[stand-in: usage input=0 output=9000000]] say x")
    assert turn.exit_code == 0
    assert cli.gateway is not None
    cli.gateway.desk.follow(AgentsReply(agents=[GatewayAgent(name="worker", directory="/", caps=Caps(day_usd=1))]))
    asked = len(cli.api.requests)
    turn = await cli.turn("say y")

    assert (turn.exit_code, turn.result["api_error_status"]) == (1, 400)
    assert "API usage limits" in turn.result["result"]
    assert len(cli.api.requests) == asked
    outcome = classify(TurnEvidence(events=turn.lines, exit_code=turn.exit_code))
    assert outcome.outcome is TurnOutcome.BUDGET_EXHAUSTED


async def test_a_turn_is_answered_and_only_the_gateway_has_the_key(cli: Cli) -> None:
    turn = await cli.turn("what is 6*7?")

    assert turn.exit_code == 0
    assert turn.result["result"] == "6*7 = 42"
    assert {seen.headers["x-api-key"] for seen in cli.api.requests} == {KEY}
    assert all(PLACEHOLDER_API_KEY not in seen.headers.values() for seen in cli.api.requests)


async def test_a_tool_is_called_and_its_result_reported(cli: Cli) -> None:
    turn = await cli.turn(f"run echo here is $ANTHROPIC_API_KEY then write kept to {cli.home}/note")

    assert turn.result["result"].startswith(f"Bash: here is {PLACEHOLDER_API_KEY}\nWrite: ")
    assert (cli.home / "note").read_text() == "kept"


async def test_a_conversation_goes_on_and_reads_from_its_cache(cli: Cli) -> None:
    first = await cli.turn("say one")
    second = await cli.turn("say two", "--resume", first.result["session_id"])

    assert second.result["result"] == "two"
    assert second.result["session_id"] == first.result["session_id"]
    assert first.result["usage"]["cache_creation_input_tokens"] > 1000
    assert second.result["usage"]["cache_read_input_tokens"] > 1000


async def test_a_conversation_can_be_compacted(cli: Cli) -> None:
    first = await cli.turn("say one")
    await cli.turn("say two", "--resume", first.result["session_id"])
    compacted = await cli.turn("/compact", "--resume", first.result["session_id"])
    after = await cli.turn("say three", "--resume", first.result["session_id"])

    assert any(line.get("subtype") == "compact_boundary" for line in compacted.lines)
    assert after.result["result"] == "three"


@pytest.mark.parametrize(
    ("directive", "status", "error"),
    [
        ("error 529", 529, "server_error"),
        ("error 429 retry-after=61", 429, "rate_limit"),
        ("error 400", 400, "unknown"),
        ("overflow", 400, "invalid_request"),
    ],
)
async def test_the_cli_recognises_the_failures(cli: Cli, directive: str, status: int, error: str) -> None:
    turn = await cli.turn(f"[[stand-in: {directive}]]")

    assert turn.exit_code == 1
    assert turn.result["api_error_status"] == status
    assert [line["error"] for line in turn.lines if line.get("error")][-1] == error


async def test_a_failure_that_passes_is_retried_by_the_cli(cli: Cli) -> None:
    assert (await cli.turn("[[stand-in: error 529 times=1]] say x")).result["result"] == "x"


async def test_an_answer_that_breaks_off_is_asked_for_again(cli: Cli) -> None:
    assert (await cli.turn("[[stand-in: drop-mid-stream times=1]] say x")).result["result"] == "x"
