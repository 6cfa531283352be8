"""An agent's own pages: its life as it happens, its inbox, its figures; writing to it, and what can be done to it."""

from aiohttp import web

from hive_base.ids import new_secret
from hive_rpc.errors import NotFoundError
from hive_rpc.interfaces.operator.dialogue import AgentRemindersRequest
from hive_rpc.interfaces.operator.events import EventsReply, EventsRequest, TurnStatsRequest
from hive_rpc.interfaces.operator.lives import CommandAgentRequest
from hive_rpc.interfaces.operator.messages import MessagesRequest, OperatorSendRequest
from hive_rpc.interfaces.operator.request import AgentRequest
from hive_rpc.types import Event
from hive_web.boundary import wants_json
from hive_web.core import Caller
from hive_web.forms import Form
from hive_web.history import EVENTS
from hive_web.look import offered
from hive_web.pages.hive import carry_out
from hive_web.pages.room import Room, number, see
from hive_web.verbs import VERBS
from hive_web.view.agents import agent_href
from hive_web.view.messages import message_view
from hive_web.view.stats import SPANS, stats_view
from hive_web.view.timeline import full_text, timeline

INBOX = 50
ROWS = "agent_rows.html"
DECISIONS = 500
"""Events that are looked through for decisions."""


class AgentPages(Room):
    def routes(self) -> list[web.RouteDef]:
        verb = f"/agent/{{name}}/{{verb:{'|'.join(VERBS)}}}"
        return [
            web.get("/agent/{name}/", self.live),
            web.get("/agent/{name}/event/{id}", self.event),
            web.post("/agent/{name}/messages", self.send),
            web.get("/agent/{name}/inbox", self.inbox),
            web.get("/agent/{name}/stats", self.stats),
            web.get("/agent/{name}/destroy", self.destroy_form),
            web.post("/agent/{name}/destroy", self.destroy),
            web.post("/agent/{name}/command", self.command),
            web.get("/agent/{name}/decisions", self.decisions),
            web.get(verb, self.confirm),
            web.post(verb, self.act),
        ]

    async def live(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        before = number(request.query.get("before"))
        render, latest, history = self.site.render, before is None, self.site.histories.of(name)
        caller, look, reply = await self.glance(request, history.asked if latest else None)
        agent = look.shown(name)
        if before is None:
            await history.take_in(caller, reply)
            self.site.histories.keep(name, history)
            loose = await history.loose_ends(caller, look)
            older, any_entries = history.older, bool(history.entries)
            entries = render.rows(ROWS, "entry", history.entries, key=name)
        else:
            page = await _history(caller, name, before, EVENTS)
            shown_then, loose = timeline(page.events, name), None
            older = page.events[0].id if page.events and page.oldest < page.events[0].id else None
            any_entries = bool(shown_then)
            entries = render.rows(ROWS, "entry", shown_then, key=(name, before))
        may = (caller.may_act, caller.may_manage)
        still, unread = agent.still, render.gap("unread")
        return self.kept_page(
            "agent.html",
            caller,
            look,
            {
                "crumb": render.piece(ROWS, "state", name, still, still),
                "head": render.piece(
                    ROWS, "head", (name, may), still, still, caller, "live", unread, unread=agent.unread_words
                ),
                "facts": render.piece(ROWS, "facts", (name, may), still, still, caller),
                "entries": entries,
                "state_words": agent.state_words,
                "older": str(older),
                # Of this answer, which brought the history: what is shown of the hive may be older, or newer.
                "history_cursor": str(max(reply.cursor, history.newest)),
                "place_stamp": look.asked_by(name) if latest else "",
                "key": new_secret(),
            },
            key=(name, latest),
            stamp=(agent.can_start, bool(older), any_entries, loose),
            agent=agent,
            latest=latest,
            any_older=bool(older),
            any_entries=any_entries,
            loose=loose,
        )

    async def event(self, request: web.Request) -> web.Response:
        """The whole text of one event. As plain text, never as a page: it is an agent's."""
        name, wanted = request.match_info["name"], number(request.match_info["id"]) or 0
        async with self.caller(request) as caller:
            history = await _history(caller, name, wanted + 1, 1)
        found: Event | None = next((event for event in history.events if event.id == wanted), None)
        if found is None:
            raise NotFoundError(f"There is no event {wanted} of {name}.", hint="Old events are not kept for ever.")
        return web.Response(text=full_text(found), content_type="text/plain")

    async def send(self, request: web.Request) -> web.Response:
        """The form carries a key, so that a double click, or a retry after a lost answer, sends one message."""
        name, form = request.match_info["name"], await Form.read(request)
        async with self.caller(request) as caller:
            sent = await caller.operator.send(
                caller.ask(
                    OperatorSendRequest,
                    to=name,
                    body=form.text("body"),
                    key=form.optional("key"),
                    in_reply_to=form.optional("in_reply_to"),
                )
            )
        if wants_json(request):
            return web.json_response({"id": sent.id})
        return see(f"{agent_href(name)}#message-{sent.id}")

    async def inbox(self, request: web.Request) -> web.Response:
        name, before = request.match_info["name"], request.query.get("before")
        async with self.caller(request) as caller:
            look = await caller.look()
            agent = look.shown(name)
            page = await caller.operator.messages(caller.ask(MessagesRequest, agent=name, before=before, limit=INBOX))
            reminders = await offered(caller.operator.reminders(caller.ask(AgentRemindersRequest, agent=name)))
        return self.page(
            "agent_inbox.html",
            caller,
            look,
            agent=agent,
            messages=[message_view(message, agent=name) for message in reversed(page.messages)],
            older=page.messages[0].id if page.more and page.messages else None,
            reminders=reminders.reminders if reminders else [],
            tab="inbox",
            stamp=look.agent_stamps(name)["inbox"] if before is None else "",
        )

    async def stats(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        span = SPANS.get(request.query.get("span", ""), SPANS["24h"])
        async with self.caller(request) as caller:
            look = await caller.look()
            agent = look.shown(name)
            found = await caller.operator.stats(
                caller.ask(TurnStatsRequest, agent=name, since_seconds=span.seconds, buckets=span.buckets)
            )
            reminders = await caller.reminder_counts(name, span.seconds)
        return self.page(
            "agent_stats.html",
            caller,
            look,
            agent=agent,
            spans=SPANS.values(),
            span=span,
            stats=stats_view(found, span),
            reminders=reminders,
            tab="stats",
            stamp=look.agent_stamps(name)["stats"],
        )

    async def confirm(self, request: web.Request) -> web.Response:
        """The question as a page of its own; with scripts it is asked in a dialog."""
        async with self.caller(request) as caller:
            caller.require_operator()
            look = await caller.look()
        agent = look.shown(request.match_info["name"])
        return self.page("confirm.html", caller, look, agent=agent, verb=VERBS[request.match_info["verb"]])

    async def act(self, request: web.Request) -> web.Response:
        name, verb = request.match_info["name"], VERBS[request.match_info["verb"]]

        async def work() -> None:
            async with self.caller(request, time_limit=None) as caller:
                await carry_out(caller, verb, name)

        await self.site.errands.run(f"{verb.name} {name}", work())
        if wants_json(request):
            return web.json_response({"message": f"{name} {verb.under_way}."})
        return see(agent_href(name))

    async def command(self, request: web.Request) -> web.Response:
        """Queued at core: it is carried out as soon as the harness can, and is shown until then."""
        name, form = request.match_info["name"], await Form.read(request)
        async with self.caller(request) as caller:
            asked = caller.ask(CommandAgentRequest, name=name, kind=form.text("kind"), value=form.optional("value"))
            queued = (await caller.operator.command_agent(asked)).command
        if wants_json(request):
            words = queued.kind.value.replace("_", " ")
            return web.json_response({"message": f"{name}: {words} is {queued.state.value}."})
        return see(agent_href(name))

    async def decisions(self, request: web.Request) -> web.Response:
        """What the session policy decided before turns, with its numbers."""
        name, before = request.match_info["name"], number(request.query.get("before"))
        async with self.caller(request) as caller:
            look = await caller.look()
            agent = look.shown(name)
            history = await _history(caller, name, before, DECISIONS)
        return self.page(
            "agent_decisions.html",
            caller,
            look,
            agent=agent,
            decisions=[event for event in history.events[::-1] if event.decision is not None],
            older=history.events[0].id if len(history.events) == DECISIONS else None,
            tab="decisions",
            stamp=look.agent_stamps(name)["decisions"] if before is None else "",
        )

    async def destroy_form(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            caller.require_operator()
            look = await caller.look()
        return self.page("destroy.html", caller, look, agent=look.shown(request.match_info["name"]))

    async def destroy(self, request: web.Request) -> web.Response:
        """The name is typed once more; to purge, which cannot be taken back, the password is given too."""
        name, form = request.match_info["name"], await Form.read(request)
        purge = form.optional("purge") is not None
        form.must_repeat("confirm", name)
        password = form.optional("password")

        async def work() -> None:
            async with self.caller(request, time_limit=None) as caller:
                if purge:
                    await caller.operator.purge(caller.ask(AgentRequest, name=name, password=password))
                else:
                    await caller.operator.destroy(caller.ask(AgentRequest, name=name))

        await self.site.errands.run(f"destroy {name}", work())
        return see("/")


async def _history(caller: Caller, agent: str, before: int | None, limit: int) -> EventsReply:
    return await caller.operator.events(caller.ask(EventsRequest, agent=agent, before=before, limit=limit))
