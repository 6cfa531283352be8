"""Tools for messages: sending, taking, and reading what was said."""

from pydantic import Field

from hive_agent import prompts
from hive_agent.tools.tool import MAX_WAIT_SECONDS, Arguments, Harness, Tool
from hive_rpc.dialogue import FoundMessages
from hive_rpc.interfaces.agent import ReadThreadRequest, SearchMessagesRequest
from hive_rpc.interfaces.runner import ToolReceiveRequest, ToolSendRequest
from hive_rpc.types import EVERYONE, MAX_BODY, OPERATOR

MAX_RECEIVED = 20
MAX_FOUND = 50


class Send(Arguments):
    to: str = Field(description=f"An agent's name, `{OPERATOR}`, or `{EVERYONE}` for every agent.")
    body: str = Field(min_length=1, description="The message.")
    in_reply_to: str | None = Field(
        None, description="The id of the message that this answers; by default the latest from `to` in this turn."
    )


async def _send(harness: Harness, said: Send) -> str:
    sent = await harness.calls.send(ToolSendRequest(to=said.to, body=said.body, in_reply_to=said.in_reply_to))
    return f"Sent as {sent.id}."


class Recv(Arguments):
    wait_seconds: float = Field(0, ge=0, le=MAX_WAIT_SECONDS)
    max: int = Field(10, ge=1, le=MAX_RECEIVED)


async def _recv(harness: Harness, said: Recv) -> str:
    received = await harness.polls.receive(ToolReceiveRequest(wait_seconds=said.wait_seconds, max=said.max))
    return prompts.received(received.messages) if received.messages else "No message came."


class ReadThread(Arguments):
    id: str = Field(description="Any message of the thread.")
    cursor: str | None = Field(None, description="From the page before.")
    limit: int = Field(20, ge=1, le=MAX_FOUND)


async def _read_thread(harness: Harness, said: ReadThread) -> str:
    request = ReadThreadRequest(id=said.id, cursor=said.cursor, limit=said.limit)
    return _found(await harness.calls.read_thread(request))


class SearchMessages(Arguments):
    query: str = Field(
        min_length=1, description="Words: each has to be there, the last may be the beginning of a word."
    )
    cursor: str | None = Field(None, description="From the page before.")
    limit: int = Field(10, ge=1, le=MAX_FOUND)


async def _search_messages(harness: Harness, said: SearchMessages) -> str:
    request = SearchMessagesRequest(query=said.query, cursor=said.cursor, limit=said.limit)
    return _found(await harness.calls.search_messages(request))


def _found(page: FoundMessages) -> str:
    if not page.messages:
        return "No messages."
    more = f'\n\nThere are more: ask again with cursor "{page.cursor}".' if page.cursor else ""
    return "\n\n".join(prompts.render(message) for message in page.messages) + more


TOOLS: tuple[Tool[Send] | Tool[Recv] | Tool[ReadThread] | Tool[SearchMessages], ...] = (
    Tool(
        "send",
        f"""Send a message to another agent or to the operators.

It is stored before this returns and wakes its recipient. The body is UTF-8 text of at most {MAX_BODY // 1024} KiB; put
what is longer into a file in your corner of /shared and send its path. 200 messages can be sent at once, then one every
0.2 seconds. To `{EVERYONE}` it goes to every agent and wakes each of them: use that rarely.""",
        Send,
        _send,
    ),
    Tool(
        "recv",
        f"""Take further messages that wait for you into this turn.

Returns up to `max` of them ({MAX_RECEIVED} at most), oldest first, at once if there are any. Otherwise waits up to
`wait_seconds` ({MAX_WAIT_SECONDS} at most) for the first one. They are done with when your turn ends: answer those
that need it.""",
        Recv,
        _recv,
    ),
    Tool(
        "read_thread",
        f"Read the messages of a thread that you sent or received, oldest first, {MAX_FOUND} at most at a time.",
        ReadThread,
        _read_thread,
        read_only=True,
    ),
    Tool(
        "search_messages",
        f"Search all messages that you ever sent or received (those of the last 30 days are kept), newest first, "
        f"{MAX_FOUND} at most at a time.",
        SearchMessages,
        _search_messages,
        read_only=True,
    ),
)
