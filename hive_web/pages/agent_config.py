"""What an agent runs with: its text, its history, what differs, and a change to it that is approved like any other."""

import re
from typing import Any

from aiohttp import web

from hive_rpc.errors import HiveError, NotSignedInError
from hive_rpc.interfaces.operator.configuration import ConfigDiffRequest, ConfigReply, EditConfigRequest
from hive_rpc.interfaces.operator.request import AgentRequest
from hive_web.forms import Form
from hive_web.look import offered
from hive_web.pages.room import Room, see
from hive_web.view.commits import commit_views
from hive_web.view.diff import diff_view

_LINE = re.compile(r"\(at line (\d{1,5}), column \d+\)")
_KEY = re.compile(r"agent\.toml: ([A-Za-z_][\w.]*)")


class ConfigPages(Room):
    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/agent/{name}/config", self.config),
            web.get("/agent/{name}/config/diff", self.diff),
            web.get("/agent/{name}/config/edit", self.edit_form),
            web.post("/agent/{name}/config/edit", self.edit),
        ]

    async def config(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        async with self.caller(request) as caller:
            look = await caller.look()
            agent = look.shown(name)
            asked = caller.ask(AgentRequest, name=name)
            config: ConfigReply | None = await offered(caller.operator.config(asked))
            log = await offered(caller.operator.config_log(asked))
        commits = log.commits if log else []
        return self.page(
            "agent_config.html",
            caller,
            look,
            agent=agent,
            config=config,
            commits=commit_views(commits),
            waiting=[approval for approval in look.pending if approval.agent == name],
            tab="config",
            stamp=look.agent_stamps(name)["config"],
        )

    async def diff(self, request: web.Request) -> web.Response:
        """`?old=&new=`: two commits by their full ids."""
        name = request.match_info["name"]
        old, new = request.query.get("old", ""), request.query.get("new", "")
        async with self.caller(request) as caller:
            look = await caller.look()
            agent = look.shown(name)
            found = await caller.operator.config_diff(caller.ask(ConfigDiffRequest, name=name, old=old, new=new))
        return self.page(
            "agent_config_diff.html",
            caller,
            look,
            agent=agent,
            old=old,
            new=new,
            diff=diff_view(found.diff),
            tab="config",
        )

    async def edit_form(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        async with self.caller(request) as caller:
            caller.require_operator()
            found = await caller.operator.config(caller.ask(AgentRequest, name=name))
        return await self._form(request, text=found.config, base=found.sha or "")

    async def edit(self, request: web.Request) -> web.Response:
        """Nothing runs with it yet: it is an approval, and the next page shows what it would change."""
        name, form = request.match_info["name"], await Form.read(request)
        text, reason = form.optional("config") or "", form.optional("reason") or ""
        base = form.optional("base")
        try:
            async with self.caller(request) as caller:
                asked = await caller.operator.edit_config(
                    caller.ask(EditConfigRequest, name=name, config=text, base=base, reason=reason)
                )
        except NotSignedInError:
            raise
        except HiveError as error:
            return await self._form(request, text=text, base=base or "", reason=reason, error=error)
        return see(f"/approvals/{asked.approval.id}")

    async def _form(
        self, request: web.Request, *, text: str, base: str, reason: str = "", error: HiveError | None = None
    ) -> web.Response:
        async with self.caller(request) as caller:
            look = await caller.look()
        values: dict[str, Any] = {"text": text, "base": base, "reason": reason}
        return self.page(
            "agent_config_edit.html",
            caller,
            look,
            status=error.http_status if error else 200,
            agent=look.shown(request.match_info["name"]),
            problem=error.sentence() if error else "",
            line=faulty_line(text, error.message) if error else None,
            tab="config",
            **values,
        )


def faulty_line(text: str, message: str) -> tuple[int, str] | None:
    """The line that a refusal is about, with its number from 1; None where it names none that is there."""
    lines = text.split("\n")
    if found := _LINE.search(message):
        at = int(found[1]) - 1
        return (at + 1, lines[at]) if at < len(lines) else None
    if found := _KEY.search(message):
        key = found[1].split(".")[-1]
        wanted = re.compile(rf"\s*(?:\[+\s*)?(?:[\w.]+\.)?{re.escape(key)}\s*[=\]]")
        return next(((n, line) for n, line in enumerate(lines, 1) if wanted.match(line)), None)
    return None
