"""Harness, runner, SDK, the real CLI and the stand-in model behind the gateway's socket; only core is played."""

from collections.abc import AsyncIterator

import pytest

from hive_rpc.interfaces.agent import CommandKind
from hive_rpc.types import OPERATOR, AgentState, EventKind, TurnOutcome
from tests.support.agent_chain import Chain, chained, open_directory


@pytest.fixture
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    with open_directory(tmp_path_factory.mktemp("x").name) as root:
        async with chained(root) as chain:
            yield chain


async def test_a_message_becomes_a_turn_and_its_last_words_the_reply(chain: Chain) -> None:
    message = chain.core.deliver("what is 6*7?")
    await chain.core.until(lambda: chain.core.acked == [message.id] and chain.core.turns())
    (reply,) = chain.core.sent
    assert (reply.to, reply.in_reply_to, reply.automatic) == (OPERATOR, message.id, True)
    assert "42" in reply.body
    (turn,) = chain.core.turns()
    assert turn.outcome is TurnOutcome.OK
    assert turn.messages == [message.id]
    assert turn.usage.output_tokens > 0
    assert turn.context_tokens
    assert turn.first_token_seconds
    await chain.core.until(lambda: chain.core.state is AgentState.IDLE)
    assert [state.state for state in chain.core.states[-2:]] == [AgentState.THINKING, AgentState.IDLE]


async def test_what_the_model_sends_with_its_tool_arrives_and_there_is_no_automatic_reply(chain: Chain) -> None:
    message = chain.core.deliver("send hello to operator")
    await chain.core.until(lambda: chain.core.acked == [message.id] and chain.core.turns())
    (reply,) = chain.core.sent
    assert (reply.to, reply.body, reply.automatic) == (OPERATOR, "hello", False)
    (turn,) = chain.core.turns()
    assert turn.tools == {"mcp__hive__send": 1}
    kinds = [event.kind for event in chain.core.events]
    assert kinds.index(EventKind.TOOL_CALL) < kinds.index(EventKind.TOOL_RESULT) < kinds.index(EventKind.TURN_ENDED)


async def test_the_conversation_goes_on_in_the_warm_runner_and_after_it(chain: Chain) -> None:
    core = chain.core
    core.deliver("what is 1+1?")
    await core.until(lambda: len(core.turns()) == 1)
    core.deliver("what is 2+2?")
    await core.until(lambda: len(core.turns()) == 2)
    core.configure(model="haiku")
    core.deliver("what is 3+3?")
    await core.until(lambda: len(core.turns()) == 3)
    first, second, third = core.turns()
    assert first.session == second.session == third.session
    assert (first.context_tokens or 0) < (second.context_tokens or 0) < (third.context_tokens or 0)
    assert "sonnet" in (second.model or "")
    assert "haiku" in (third.model or "")
    assert (second.first_token_seconds or 9) < (first.first_token_seconds or 0)


async def test_a_turn_that_core_does_not_outlive_is_done_once(chain: Chain) -> None:
    core = chain.core
    message = core.deliver("slowly send hello to operator")
    await core.until(lambda: core.state is AgentState.THINKING)
    await core.stop()
    await core.start()
    await core.until(lambda: core.acked == [message.id] and core.turns())
    assert [sent.body for sent in core.sent] == ["hello"]
    assert len(core.instances) == 1
    assert core.nacked == []


async def test_a_cli_that_is_killed_in_a_turn_brings_the_message_back_marked(chain: Chain) -> None:
    core = chain.core
    message = core.deliver("run `kill -9 $PPID`")
    await core.until(lambda: core.turns())
    assert core.turns()[0].outcome is TurnOutcome.CRASHED
    await core.until(lambda: core.nacked)
    assert core.waiting[0].id == message.id
    assert "-9" in core.nacked[0].reason


async def test_a_cancelled_turn_ends_and_says_so(chain: Chain) -> None:
    core = chain.core
    message = core.deliver("run `sleep 1000`")
    await core.until(lambda: any(event.kind is EventKind.TOOL_CALL for event in core.events))
    core.command(CommandKind.CANCEL)
    await core.until(lambda: core.acked == [message.id] and core.turns())
    assert core.turns()[0].outcome is TurnOutcome.INTERRUPTED
    assert [(sent.to, sent.automatic) for sent in core.sent] == [(OPERATOR, True)]


async def test_a_harness_that_is_told_to_stop_finishes_its_turn_first(chain: Chain) -> None:
    core = chain.core
    message, waiting = core.deliver("wait 1 seconds and then say hello"), core.deliver("what is 1+1?")
    await core.until(lambda: core.state is AgentState.THINKING)
    chain.daemon.stop.set()
    await core.until(lambda: core.state is AgentState.STOPPED)
    assert core.acked == [message.id]
    assert [sent.in_reply_to for sent in core.sent] == [message.id]
    assert [left.id for left in core.waiting] == [waiting.id]


async def test_a_harness_that_is_told_to_stop_after_a_drain_gives_its_turn_back_at_once(chain: Chain) -> None:
    core = chain.core
    message = core.deliver("wait 60 seconds and then say hello")
    await core.until(lambda: core.state is AgentState.THINKING)
    core.command(CommandKind.DRAIN)
    await core.until(lambda: chain.daemon.draining)
    chain.daemon.stop.set()
    await core.until(lambda: core.state is AgentState.STOPPED)
    assert [left.id for left in core.waiting] == [message.id]


async def test_a_turn_that_the_model_asks_for_follows_without_a_message_and_the_reply_comes_at_its_end(
    chain: Chain,
) -> None:
    note = "say the second half is done"
    message = chain.core.deliver(f'call request_next_turn {{"note": "{note}"}} then say the first half is done')
    await chain.core.until(lambda: chain.core.acked == [message.id] and len(chain.core.turns()) == 2)
    first, second = chain.core.turns()
    assert (first.wake_reason, second.wake_reason) == ("message", "requested")
    assert first.messages == second.messages == [message.id]
    (reply,) = chain.core.sent
    assert (reply.in_reply_to, reply.automatic) == (message.id, True)
    assert "second half" in reply.body


async def test_a_tool_that_is_used_wrongly_says_to_the_model_what_is_wrong(chain: Chain) -> None:
    message = chain.core.deliver('call remind {"message": "x", "in_minutes": 5}')
    await chain.core.until(lambda: chain.core.acked == [message.id])
    (result,) = [event.tool_result for event in chain.core.events if event.tool_result is not None]
    assert result.is_error
    assert "in_minutes" in result.content
