"""The work on agents' lives: what waits, what runs and how far it is, calling off; and restarting everybody."""

from urllib.parse import quote

from aiohttp import web

from hive_rpc.interfaces.operator.jobs import JobsRequest, RestartAllRequest
from hive_rpc.interfaces.operator.request import IdRequest
from hive_web.forms import Form
from hive_web.look import offered
from hive_web.pages.room import Room, see
from hive_web.view.jobs import can_be_cancelled, steps

JOBS = 100


class JobPages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/jobs", self.jobs),
            web.get("/jobs/{id}", self.job),
            web.post("/jobs/{id}/cancel", self.cancel),
            web.get("/restart-all", self.restart_form),
            web.post("/restart-all", self.restart),
        ]

    async def jobs(self, request: web.Request) -> web.Response:
        agent = request.query.get("agent") or None
        async with self.caller(request) as caller:
            look = await caller.look()
            found = await offered(caller.operator.jobs(caller.ask(JobsRequest, agent=agent, limit=JOBS)))
        jobs = found.jobs if found else []
        return self.page(
            "jobs.html",
            caller,
            look,
            here="jobs",
            agent=agent,
            running=[job for job in jobs if not job.state.ended],
            ended=[job for job in jobs if job.state.ended],
        )

    async def job(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
            found = await caller.operator.show_job(caller.ask(IdRequest, id=request.match_info["id"]))
        return self.page(
            "job.html",
            caller,
            look,
            here="jobs",
            job=found.job,
            log=found.log,
            steps=steps(found.job),
            can_cancel=can_be_cancelled(found.job),
        )

    async def cancel(self, request: web.Request) -> web.Response:
        job = request.match_info["id"]
        await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.cancel_job(caller.ask(IdRequest, id=job))
        return see(f"/jobs/{quote(job, safe='')}")

    async def restart_form(self, request: web.Request) -> web.Response:
        async with self.caller(request) as caller:
            caller.require_operator()
            look = await caller.look()
        return self.page("restart_all.html", caller, look, agents=look.agents)

    async def restart(self, request: web.Request) -> web.Response:
        form = await Form.read(request)
        async with self.caller(request) as caller:
            await caller.operator.restart_all(caller.ask(RestartAllRequest, reason=form.text("reason")))
        return see("/jobs")
