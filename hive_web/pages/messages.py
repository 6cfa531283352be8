"""What was said in the whole hive: by time, by words, between two, by thread; and what could not be delivered."""

from aiohttp import web

from hive_rpc.errors import HiveError, InvalidError, NotFoundError
from hive_rpc.interfaces.operator.messages import (
    ConversationRequest,
    DeadLettersChoice,
    DeadLettersRequest,
    MessagesRequest,
    SearchRequest,
    ThreadRequest,
)
from hive_rpc.types import Message
from hive_web.forms import Form
from hive_web.pages.room import Room, see
from hive_web.view.conversations import Conversations
from hive_web.view.messages import message_view

PAGE = 50
THREAD = 100


class MessagePages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/messages", self.messages),
            web.get("/messages/{id}", self.thread),
            web.get("/messages/{id}/text", self.text),
            web.get("/dead-letters", self.letters),
            web.post("/dead-letters", self.settle),
        ]

    async def messages(self, request: web.Request) -> web.Response:
        """`?q=` searches, `?one=&other=` is what two said to each other, `?agent=` what one said and heard."""
        query = {name: request.query.get(name, "").strip() for name in ("q", "agent", "one", "other")}
        before, problem = request.query.get("before"), ""
        found: list[Message] = []
        older: str | None = None
        async with self.caller(request) as caller:
            look = await caller.look()
            agent = query["agent"] or None
            try:
                if query["q"]:
                    hits = await caller.operator.search(
                        caller.ask(SearchRequest, query=query["q"], agent=agent, cursor=before, limit=PAGE)
                    )
                    found, older = hits.messages, hits.cursor
                elif query["one"] and query["other"]:
                    page = await caller.operator.conversation(
                        caller.ask(
                            ConversationRequest, one=query["one"], other=query["other"], before=before, limit=PAGE
                        )
                    )
                    found, older = page.messages[::-1], page.messages[0].id if page.more else None
                else:
                    page = await caller.operator.messages(
                        caller.ask(MessagesRequest, agent=agent, before=before, limit=PAGE)
                    )
                    found, older = page.messages[::-1], page.messages[0].id if page.more else None
            except (InvalidError, NotFoundError) as error:
                problem = error.sentence()
        return self.page(
            "messages.html",
            caller,
            look,
            here="messages",
            stamp="" if before or query["q"] else None,
            query=query,
            problem=problem,
            found=[message_view(message) for message in found],
            threads=[] if query["q"] else Conversations().views(found[::-1]),
            older=older,
            names=[a.name for a in look.agents],
        )

    async def thread(self, request: web.Request) -> web.Response:
        message, cursor = request.match_info["id"], request.query.get("cursor")
        async with self.caller(request) as caller:
            look = await caller.look()
            found = await caller.operator.thread(caller.ask(ThreadRequest, id=message, cursor=cursor, limit=THREAD))
        last = found.messages[-1] if found.messages else None
        return self.page(
            "thread.html",
            caller,
            look,
            here="messages",
            messages=[message_view(m) for m in found.messages],
            wanted=message,
            more=found.cursor,
            last=last,
            agents={a.name for a in look.agents},
        )

    async def text(self, request: web.Request) -> web.Response:
        """All of one message, as plain text: it is an agent's."""
        wanted = request.match_info["id"]
        async with self.caller(request) as caller:
            cursor: str | None = None
            while True:
                page = await caller.operator.thread(caller.ask(ThreadRequest, id=wanted, cursor=cursor, limit=THREAD))
                for message in page.messages:
                    if message.id == wanted:
                        return web.Response(text=message.body, content_type="text/plain")
                if (cursor := page.cursor) is None:
                    raise HiveError(f"{wanted} is not in its own thread.")

    async def letters(self, request: web.Request) -> web.Response:
        before = request.query.get("before")
        async with self.caller(request) as caller:
            look = await caller.look()
            page = await caller.operator.dead_letters(caller.ask(DeadLettersRequest, before=before, limit=PAGE))
        return self.page(
            "dead_letters.html",
            caller,
            look,
            here="dead-letters",
            stamp="" if before else None,
            letters=[(letter, message_view(letter.message)) for letter in page.letters],
            older=page.letters[-1].message.id if page.more and page.letters else None,
        )

    async def settle(self, request: web.Request) -> web.Response:
        """Exactly those that were ticked."""
        form = await Form.read(request)
        ids, verb = form.all("id"), form.optional("verb")
        if not ids:
            raise InvalidError("No message is selected.", hint="Go back and tick the ones you mean.")
        async with self.caller(request) as caller:
            chosen = caller.ask(DeadLettersChoice, ids=ids)
            match verb:
                case "resend":
                    await caller.operator.resend_dead_letters(chosen)
                case "drop":
                    await caller.operator.drop_dead_letters(chosen)
                case _:
                    raise InvalidError("That is neither sending again nor giving up.", hint="Use the page's buttons.")
        return see("/dead-letters")
