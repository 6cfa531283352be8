"""Tools of a manager: what it may do about the other agents. It proposes; an operator decides."""

import json
import sys
from typing import Annotated

from pydantic import Field, StringConstraints

from hive_agent.tools.tool import Arguments, Harness, Tool, json_of
from hive_base.privileges import as_user
from hive_base.process import ProcessError, run
from hive_rpc.configuration import MAX_INPUTS, MAX_REASON, Approval, ApprovalState
from hive_rpc.errors import InvalidError
from hive_rpc.interfaces.manager import (
    ManagedRequest,
    ManagerApprovalsRequest,
    RequestApplyRequest,
    RequestDestroyRequest,
    RequestSpawnRequest,
    RequestUpdateRequest,
)
from hive_rpc.types import AgentName

_Name = Annotated[AgentName, Field(description="The agent's.")]
_Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_REASON), Field(description="Why, for the operator who decides.")
]
_Sha = Annotated[str, Field(description="The commit's full id, as propose_config or `git rev-parse HEAD` gives it.")]


class ProposeConfig(Arguments):
    name: _Name
    files: dict[str, str] = Field(description="Whole files by path, as agent.toml. Others stay as they are.")
    message: str = Field(min_length=1, max_length=MAX_REASON, description="Of the commit.")


async def _propose_config(harness: Harness, said: ProposeConfig) -> str:
    words = [sys.executable, "-I", "-m", "hive_agent.proposing", said.name]
    if harness.model_uid is not None:
        words = [*as_user(harness.model_uid), *words]
    order = {"files": said.files, "message": said.message}
    try:
        done = await run(words, stdin=json.dumps(order).encode(), check=False)
    except ProcessError as error:
        raise InvalidError(f"The configuration was not committed: {error}.") from error
    if done.exit_code != 0:
        raise InvalidError(f"The configuration was not committed: {done.stderr.strip()}")
    return f"Committed as {done.stdout}. Nothing is changed yet: ask for it with request_apply or request_spawn."


class RequestApply(Arguments):
    name: _Name
    sha: _Sha
    reason: _Reason


async def _request_apply(harness: Harness, said: RequestApply) -> str:
    request = RequestApplyRequest(name=said.name, sha=said.sha, reason=said.reason)
    return _asked((await harness.manager.request_apply(request)).approval)


async def _request_spawn(harness: Harness, said: RequestApply) -> str:
    request = RequestSpawnRequest(name=said.name, sha=said.sha, reason=said.reason)
    return _asked((await harness.manager.request_spawn(request)).approval)


class RequestDestroy(Arguments):
    name: _Name
    reason: _Reason


async def _request_destroy(harness: Harness, said: RequestDestroy) -> str:
    request = RequestDestroyRequest(name=said.name, reason=said.reason)
    return _asked((await harness.manager.request_destroy(request)).approval)


class OneAgent(Arguments):
    name: _Name


class Update(Arguments):
    inputs: list[str] = Field([], max_length=MAX_INPUTS, description="As `nixpkgs`; none means all of them.")
    reason: _Reason


async def _update(harness: Harness, said: Update) -> str:
    request = RequestUpdateRequest(inputs=said.inputs, reason=said.reason)
    return _asked((await harness.manager.request_update(request)).approval)


async def _restart(harness: Harness, said: OneAgent) -> str:
    await harness.manager.restart(ManagedRequest(name=said.name))
    return _queued(f"{said.name} is restarted")


async def _stop(harness: Harness, said: OneAgent) -> str:
    await harness.manager.stop(ManagedRequest(name=said.name))
    return _queued(f"{said.name} is stopped")


async def _start(harness: Harness, said: OneAgent) -> str:
    await harness.manager.start(ManagedRequest(name=said.name))
    return _queued(f"{said.name} is started")


class ListApprovals(Arguments):
    all: bool = Field(False, description="Those that have ended too.")


async def _approvals(harness: Harness, said: ListApprovals) -> str:
    return json_of(await harness.manager.approvals(ManagerApprovalsRequest(all=said.all)))


def _asked(approval: Approval) -> str:
    if approval.state is not ApprovalState.PENDING:
        return f"{approval.id} is {approval.state}."
    return (
        f"Asked as {approval.id}. An operator decides until {approval.expires_at:%Y-%m-%dT%H:%M:%SZ}; how it ends "
        "comes to you as a message. Do not wait for it in this turn."
    )


def _queued(what: str) -> str:
    return f"{what} as soon as its turn comes; how it ends comes to you as a message."


TOOLS: tuple[
    Tool[ProposeConfig]
    | Tool[RequestApply]
    | Tool[RequestDestroy]
    | Tool[Update]
    | Tool[OneAgent]
    | Tool[ListApprovals],
    ...,
] = (
    Tool(
        "propose_config",
        "Commit an agent's configuration in /proposed/<name>, on top of what it runs with (/applied/<name>, branch "
        "main). For a new agent this makes the repository. Nothing changes before an operator has approved it.",
        ProposeConfig,
        _propose_config,
    ),
    Tool("request_apply", "Ask that an agent runs with a commit of /proposed/<name>.", RequestApply, _request_apply),
    Tool("request_spawn", "Ask for a new agent with a commit of /proposed/<name>.", RequestApply, _request_spawn),
    Tool(
        "request_destroy",
        "Ask that an agent is taken out of the hive. Its files are kept, and it can be revived.",
        RequestDestroy,
        _request_destroy,
    ),
    Tool(
        "update",
        "Ask that every agent is built from what is new in the inputs of the hive's flake (nixpkgs, the hive itself). "
        "Then all of them are restarted, in waves.",
        Update,
        _update,
    ),
    Tool("restart", "Restart an agent: it finishes its turn first.", OneAgent, _restart),
    Tool("stop", "Stop an agent: it finishes its turn first. Messages to it wait.", OneAgent, _stop),
    Tool("start", "Start an agent that is stopped or has failed.", OneAgent, _start),
    Tool(
        "approvals",
        "What was asked for and not decided, or with `all` also what became of the rest.",
        ListApprovals,
        _approvals,
        read_only=True,
    ),
)
