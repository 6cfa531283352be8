"""Tools of which an operator is asked first: the real CLI asks, the harness puts the question, the turn waits."""

from collections.abc import AsyncIterator

import pytest

from hive_rpc.dialogue import QuestionState
from hive_rpc.interfaces.agent import CommandKind
from hive_rpc.types import OPERATOR, AgentState, EventKind, TurnOutcome
from tests.support.agent_chain import Chain, chained, open_directory
from tests.support.agent_core import FakeAgentCore

TOUCH = "run touch made && echo it is made"


@pytest.fixture
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    with open_directory(tmp_path_factory.mktemp("x").name) as root:
        async with chained(root) as chain:
            chain.core.configure(ask=["Bash(touch *)", "mcp__hive__whoami"], ask_seconds=600)
            yield chain


def results(core: FakeAgentCore) -> list[str]:
    return [e.tool_result.content for e in core.events if e.kind is EventKind.TOOL_RESULT and e.tool_result is not None]


async def test_a_tool_waits_for_an_operator_s_yes_and_others_do_not(chain: Chain) -> None:
    core = chain.core
    core.deliver("run echo at once")
    await core.until(lambda: len(core.turns()) == 1)
    assert core.questions == {}
    assert "at once" in results(core)[0]

    core.deliver(TOUCH)
    asked = await core.asked()
    assert asked.addressee == OPERATOR
    assert asked.question == "May I use Bash?\n\ntouch made && echo it is made"
    assert asked.options == ["Allow", "Deny"]
    assert (asked.expires_at - asked.asked_at).total_seconds() == 600
    await core.until(lambda: asked.id in (core.states[-1].reason or ""))
    assert core.state is AgentState.THINKING
    assert not (chain.home.state / "made").exists()

    core.resolve(asked.id, QuestionState.ANSWERED, choices=["Allow"], resolved_by="ada")
    await core.until(lambda: len(core.turns()) == 2)
    assert (chain.home.state / "made").exists()
    assert core.turns()[1].outcome is TurnOutcome.OK
    assert core.states[-1].reason is None


@pytest.mark.parametrize(
    ("state", "fields", "said"),
    [
        (QuestionState.ANSWERED, {"choices": ["Deny"], "resolved_by": "ada"}, "ada said no."),
        (QuestionState.ANSWERED, {"choices": ["Deny"], "answer": "Not there.", "resolved_by": "ada"}, "no: Not there."),
        (QuestionState.EXPIRED, {"resolved_by": "hive"}, "No operator has answered in time"),
    ],
)
async def test_the_model_is_told_why_not_and_its_turn_goes_on(
    chain: Chain, state: QuestionState, fields: dict[str, object], said: str
) -> None:
    core = chain.core
    core.deliver(TOUCH)
    asked = await core.asked()
    core.resolve(asked.id, state, **fields)
    await core.until(lambda: core.turns())
    (told,) = results(core)
    assert said in told
    assert "Nothing was done" in told
    assert not (chain.home.state / "made").exists()
    assert core.turns()[0].outcome is TurnOutcome.OK


async def test_the_turn_waits_through_a_restart_of_core(chain: Chain) -> None:
    core = chain.core
    core.deliver(TOUCH)
    asked = await core.asked()
    await core.stop()
    core.resolve(asked.id, QuestionState.ANSWERED, choices=["Allow"], resolved_by="ada")
    await core.start()
    await core.until(lambda: core.turns())
    assert (chain.home.state / "made").exists()
    assert len(core.questions) == 1


async def test_a_tool_of_the_hive_s_can_be_asked_about_too(chain: Chain) -> None:
    core = chain.core
    core.deliver("whoami")
    asked = await core.asked()
    assert asked.question.startswith("May I use mcp__hive__whoami?")
    core.resolve(asked.id, QuestionState.ANSWERED, choices=["Allow"], resolved_by="ada")
    await core.until(lambda: core.turns())
    assert '"name": "worker"' in results(core)[0]


async def test_a_turn_that_is_cancelled_takes_its_question_back(chain: Chain) -> None:
    core = chain.core
    core.deliver(TOUCH)
    asked = await core.asked()
    core.command(CommandKind.CANCEL)
    await core.until(lambda: core.turns())
    await core.until(lambda: core.questions[asked.id].state is QuestionState.CANCELLED)
    assert not (chain.home.state / "made").exists()
