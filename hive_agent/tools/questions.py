"""Tools for questions, each of which has one definite end."""

from pydantic import Field

from hive_agent.tools.tool import MAX_WAIT_SECONDS, Arguments, Harness, Tool, json_of
from hive_rpc.dialogue import AskParameters, QuestionState
from hive_rpc.errors import UnavailableError
from hive_rpc.interfaces.agent import AnswerRequest, AwaitAnswerRequest
from hive_rpc.types import OPERATOR


class Ask(Arguments):
    question: str = Field(min_length=1)
    options: list[str] = Field(
        [], max_length=20, description="What can be chosen: none, or 2 to 20, each of at most 500 characters."
    )
    multi: bool = Field(False, description="More than one option may be chosen.")
    to: str = Field(OPERATOR, description=f"An agent's name, or `{OPERATOR}`.")
    ttl_seconds: float = Field(86400, ge=1, le=30 * 86400, description="After this long it expires.")
    wait_seconds: float = Field(0, ge=0, le=MAX_WAIT_SECONDS, description="Wait so long for the answer.")


async def _ask(harness: Harness, said: Ask) -> str:
    asked = (await harness.calls.ask(AskParameters(**said.model_dump(exclude={"wait_seconds"})))).question
    if said.wait_seconds:
        try:
            awaiting = AwaitAnswerRequest(id=asked.id, wait_seconds=said.wait_seconds)
            asked = (await harness.polls.await_answer(awaiting)).question
        except UnavailableError:
            # It is asked, and how it ends will be told.
            pass
    if asked.state is QuestionState.OPEN:
        return (
            f"Asked as {asked.id}; nobody has answered yet. How it ends will come to you as a message: go on with "
            "other work or end your turn, and do not ask again."
        )
    return json_of(asked)


class Answer(Arguments):
    id: str = Field(description="The question's.")
    answer: str | None = Field(None, description="In words; needed where there are no options.")
    choices: list[str] = Field([], description="Of the question's options, word for word.")


async def _answer(harness: Harness, said: Answer) -> str:
    request = AnswerRequest(id=said.id, answer=said.answer, choices=said.choices)
    answered = (await harness.calls.answer(request)).question
    return f"{answered.asker} has been told."


TOOLS: tuple[Tool[Ask] | Tool[Answer], ...] = (
    Tool(
        "ask",
        f"""Ask the operator or an agent for a decision that you cannot take, and get a definite end: an answer, or
word that it expired or was cancelled.

The answer comes as a message, or at once when you wait for it ({MAX_WAIT_SECONDS} seconds at most). A question has at
most 16 KiB. 20 of yours can be open, and one more can be asked every 30 seconds.""",
        Ask,
        _ask,
    ),
    Tool(
        "answer",
        "Answer a question that was put to you: in words (16 KiB at most), or with its options. Once only.",
        Answer,
        _answer,
    ),
)
