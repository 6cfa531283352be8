"""Tools about the agent itself: who it is, what it has left open, and what comes next."""

from pydantic import Field

from hive_agent.limits import MAX_TURNS_IN_A_ROW
from hive_agent.tools.tool import Arguments, Harness, Nothing, Tool, json_of
from hive_rpc.errors import InvalidError
from hive_rpc.interfaces.agent import QuestionRequest, ReminderRequest, SetStatusRequest
from hive_rpc.interfaces.runner import RequestNextTurnRequest
from hive_rpc.types import Empty

MAX_NOTE = 4000


async def _whoami(harness: Harness, said: Nothing) -> str:
    return json_of(await harness.calls.who_am_i(Empty()))


async def _loose_ends(harness: Harness, said: Nothing) -> str:
    return json_of(await harness.calls.loose_ends(Empty()))


class SetStatus(Arguments):
    text: str = Field(max_length=200, description="One short sentence; empty takes the last one away.")


async def _set_status(harness: Harness, said: SetStatus) -> str:
    await harness.calls.set_status(SetStatusRequest(text=said.text))
    return "Set." if said.text else "Taken away."


class Cancel(Arguments):
    id: str = Field(description="`rem_…` or `que_…`.")


async def _cancel(harness: Harness, said: Cancel) -> str:
    match said.id.partition("_")[0]:
        case "rem":
            await harness.calls.cancel_reminder(ReminderRequest(id=said.id))
        case "que":
            await harness.calls.cancel_question(QuestionRequest(id=said.id))
        case _:
            raise InvalidError(
                f"{said.id!r} is neither a reminder's id nor a question's.", hint="loose_ends lists yours."
            )
    return f"{said.id} is cancelled."


class RequestNextTurn(Arguments):
    note: str = Field(
        min_length=1, max_length=MAX_NOTE, description="What is left to be done: the next turn begins with it."
    )


async def _request_next_turn(harness: Harness, said: RequestNextTurn) -> str:
    reply = await harness.calls.request_next_turn(RequestNextTurnRequest(note=said.note))
    return f"Another turn follows when you end this one. After it you can ask for {reply.left} more."


TOOLS: tuple[Tool[Nothing] | Tool[SetStatus] | Tool[Cancel] | Tool[RequestNextTurn], ...] = (
    Tool(
        "whoami",
        "Your name, your capabilities, how many messages wait for you, and whom you can write to, with their state.",
        Nothing,
        _whoami,
        read_only=True,
    ),
    Tool(
        "loose_ends",
        "What you have not finished: questions you asked, questions you owe an answer to, pending reminders, and how "
        "many messages wait.",
        Nothing,
        _loose_ends,
        read_only=True,
    ),
    Tool(
        "set_status",
        "Say in a sentence what you are at, for whoever looks at the hive. 200 characters at most.",
        SetStatus,
        _set_status,
    ),
    Tool(
        "cancel",
        "Call off a pending reminder or an open question of yours. Who was asked is told.",
        Cancel,
        _cancel,
    ),
    Tool(
        "request_next_turn",
        f"""Get another turn right after this one, without a message having to come.

For work that is too long for one turn. Your automatic reply waits until the last of these turns. {MAX_TURNS_IN_A_ROW}
in a row at most; for what is due later use `remind`.""",
        RequestNextTurn,
        _request_next_turn,
    ),
)
