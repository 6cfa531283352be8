"""The model's tools for the hive: what they are called, what they take, what they say when something is wrong."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from hive_agent.tools.server import EVERYBODY, MANAGERS, used
from hive_agent.tools.tool import Harness, Tool
from hive_core.broker import Policy
from hive_core.questions import QuestionPolicy
from hive_core.reminders import ReminderPolicy
from hive_rpc.dialogue import AskParameters, LooseEndsReply, Question, QuestionState
from hive_rpc.errors import RateLimitedError, UnavailableError
from hive_rpc.interfaces.agent import AwaitAnswerRequest, QuestionReply, QuestionRequest, SetStatusRequest
from hive_rpc.interfaces.manager import ListAgentsReply, Manager
from hive_rpc.interfaces.runner import RequestNextTurnReply, RequestNextTurnRequest, Runner
from hive_rpc.types import Empty

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOOLS: dict[str, Tool[Any]] = {tool.name: tool for tool in (*EVERYBODY, *MANAGERS)}
QUESTION = Question(
    id="que_1",
    asker="worker",
    addressee="operator",
    question="?",
    state=QuestionState.OPEN,
    asked_at=NOW,
    expires_at=NOW,
)


class Played(Runner):
    """A harness that answers a few calls."""

    def __init__(self) -> None:
        self.answered = QUESTION
        self.error: Exception | None = None
        self.asked: list[Any] = []

    async def ask(self, request: AskParameters) -> QuestionReply:
        self.asked.append(request)
        return QuestionReply(question=QUESTION)

    async def await_answer(self, request: AwaitAnswerRequest) -> QuestionReply:
        if self.error is not None:
            raise self.error
        return QuestionReply(question=self.answered)

    async def set_status(self, request: SetStatusRequest) -> Empty:
        if self.error is not None:
            raise self.error
        return Empty()

    async def cancel_question(self, request: QuestionRequest) -> QuestionReply:
        self.asked.append(request)
        return QuestionReply(question=QUESTION)

    async def request_next_turn(self, request: RequestNextTurnRequest) -> RequestNextTurnReply:
        return RequestNextTurnReply(left=4)

    async def loose_ends(self, request: Empty) -> LooseEndsReply:
        return LooseEndsReply(asked=[QUESTION], owed=[], reminders=[], unread=2)


class PlayedManager(Manager):
    async def list_agents(self, request: Empty) -> ListAgentsReply:
        return ListAgentsReply(agents=[])


@pytest.fixture
def played() -> Played:
    return Played()


async def use(played: Played, name: str, **arguments: Any) -> tuple[str, bool]:
    harness = Harness(calls=played, polls=played, manager=PlayedManager())
    result = await used(harness, TOOLS[name], arguments)
    return result["content"][0]["text"], result.get("is_error", False)


def test_these_are_the_tools() -> None:
    everybody = "answer ask cancel list_reminders loose_ends read_thread recv remind request_next_turn search_messages"
    assert " ".join(sorted(tool.name for tool in EVERYBODY)) == f"{everybody} send set_status whoami"
    assert {tool.name for tool in MANAGERS} >= {"list_agents", "get_logs"}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_a_schema_is_closed_and_plain(tool: Tool[Any]) -> None:
    schema = tool.schema()
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert not re.search(r'"(title|anyOf|\$ref|\$defs)"', json.dumps(schema))
    assert "null" not in json.dumps(schema)


def test_the_limits_in_the_descriptions_are_those_that_core_enforces() -> None:
    send, questions, reminders = Policy().send_rate, QuestionPolicy(), ReminderPolicy()
    said = {name: " ".join(tool.description.split()) for name, tool in TOOLS.items()}
    assert (
        f"{send.burst:g} messages can be sent at once, then one every {1 / send.per_second:g} seconds" in said["send"]
    )
    assert f"{questions.max_bytes // 1024} KiB. {questions.max_open} of yours can be open" in said["ask"]
    assert f"one more can be asked every {1 / questions.rate.per_second:g} seconds" in said["ask"]
    assert f"{questions.max_bytes // 1024} KiB at most" in said["answer"]
    assert f"within {reminders.furthest.days} days" in said["remind"]
    assert f"({reminders.shortest_interval.total_seconds():g} at least)" in said["remind"]
    assert f"{reminders.max_pending} of yours can be pending" in said["remind"]
    assert f"every {1 / reminders.rate.per_second:g} seconds, {reminders.rate.burst:g} at once" in said["remind"]
    options = TOOLS["ask"].schema()["properties"]["options"]
    assert options["maxItems"] == questions.max_options
    assert f"{questions.max_option_length} characters" in options["description"]
    assert TOOLS["ask"].schema()["properties"]["ttl_seconds"]["maximum"] == questions.longest_ttl.total_seconds()
    assert TOOLS["remind"].schema()["properties"]["in_seconds"]["maximum"] == reminders.furthest.total_seconds()


async def test_what_is_wrong_with_the_arguments_is_said_by_name(played: Played) -> None:
    said, failed = await use(played, "ask", quesiton="?", wait_seconds=500)
    assert failed
    assert "question: Field required" in said
    assert "quesiton: Extra inputs" in said
    assert "wait_seconds:" in said
    assert "Nothing was done: call ask again" in said
    assert played.asked == []


async def test_an_error_of_the_hive_is_a_result_with_its_hint(played: Played) -> None:
    played.error = RateLimitedError("The status changes too often.", hint="Wait 3 s.")
    assert await use(played, "set_status", text="busy") == ("The status changes too often. Wait 3 s.", True)


async def test_a_question_that_nobody_has_answered_yet_is_not_to_be_asked_again(played: Played) -> None:
    said, failed = await use(played, "ask", question="Which?")
    assert not failed
    assert "que_1" in said
    assert "do not ask again" in said


async def test_a_question_that_was_answered_in_time_gives_the_answer(played: Played) -> None:
    played.answered = QUESTION.model_copy(update={"state": QuestionState.ANSWERED, "answer": "the red one"})
    assert "the red one" in (await use(played, "ask", question="Which?", wait_seconds=10))[0]


async def test_a_question_stays_asked_when_waiting_for_it_fails(played: Played) -> None:
    played.error = UnavailableError()
    said, failed = await use(played, "ask", question="Which?", wait_seconds=10)
    assert not failed
    assert "Asked as que_1" in said


async def test_cancel_knows_from_the_id_what_it_is(played: Played) -> None:
    assert await use(played, "cancel", id="que_1") == ("que_1 is cancelled.", False)
    said, failed = await use(played, "cancel", id="msg_1")
    assert failed
    assert "loose_ends" in said


async def test_a_further_turn_says_how_many_are_left(played: Played) -> None:
    assert "4 more" in (await use(played, "request_next_turn", note="the second half"))[0]


async def test_loose_ends_are_json_without_what_is_not_there(played: Played) -> None:
    ends = json.loads((await use(played, "loose_ends"))[0])
    assert ends["unread"] == 2
    assert "answer" not in ends["asked"][0]
