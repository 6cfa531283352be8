"""Questions and reminders."""

from aiohttp import web

from hive_rpc.dialogue import QuestionState, ReminderState
from hive_rpc.interfaces.operator.dialogue import (
    AgentReminderRollupRequest,
    AgentRemindersRequest,
    AnswerQuestionRequest,
    QuestionsRequest,
)
from hive_rpc.interfaces.operator.request import IdRequest
from hive_web.forms import Form
from hive_web.look import offered
from hive_web.pages.room import Room, see
from hive_web.security import local_path

DAY = 86400.0


class DialoguePages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/questions", self.questions),
            web.post("/questions/{id}/answer", self.answer),
            web.post("/questions/{id}/cancel", self.cancel_question),
            web.get("/reminders", self.reminders),
            web.post("/reminders/{id}/cancel", self.cancel_reminder),
            web.post("/reminders/{id}/retry", self.retry_reminder),
        ]

    async def questions(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
            found = (await caller.operator.questions(caller.ask(QuestionsRequest, all=True))).questions
        is_open = [q for q in found if q.state is QuestionState.OPEN]
        return self.page(
            "questions.html",
            caller,
            look,
            here="questions",
            mine=[q for q in is_open if q.addressee == "operator"],
            theirs=[q for q in is_open if q.addressee != "operator"],
            ended=[q for q in found if q.state is not QuestionState.OPEN],
        )

    async def answer(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.answer_question(
                caller.ask(
                    AnswerQuestionRequest,
                    id=request.match_info["id"],
                    answer=form.optional("answer"),
                    choices=form.all("choice"),
                )
            )
        return see(local_path(form.optional("next"), "/questions"))

    async def cancel_question(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.cancel_question(caller.ask(IdRequest, id=request.match_info["id"]))
        return see(local_path(form.optional("next"), "/questions"))

    async def reminders(self, request: web.Request) -> web.Response:
        agent = request.query.get("agent") or None
        async with self.caller(request) as caller:
            look = await caller.look()
            found = (
                await caller.operator.reminders(caller.ask(AgentRemindersRequest, agent=agent, all=True))
            ).reminders
            rollup = await offered(
                caller.operator.reminder_rollup(caller.ask(AgentReminderRollupRequest, agent=agent, since_seconds=DAY))
            )
        return self.page(
            "reminders.html",
            caller,
            look,
            here="reminders",
            agent=agent,
            pending=[r for r in found if r.state is ReminderState.PENDING],
            others=[r for r in found if r.state is not ReminderState.PENDING],
            rollup=rollup.agents if rollup else [],
        )

    async def cancel_reminder(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.cancel_reminder(caller.ask(IdRequest, id=request.match_info["id"]))
        return see(local_path(form.optional("next"), "/reminders"))

    async def retry_reminder(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.retry_reminder(caller.ask(IdRequest, id=request.match_info["id"]))
        return see(local_path(form.optional("next"), "/reminders"))
