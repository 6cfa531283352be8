"""The part of the fake core that answers the pages about money, the way out, configurations and jobs."""

from hive_rpc.configuration import (
    ApplyConfigPayload,
    Approval,
    ApprovalKind,
    ApprovalState,
    InputChange,
    JobState,
    UpdateInputsPayload,
)
from hive_rpc.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from hive_rpc.interfaces.gateway import Login
from hive_rpc.interfaces.operator.accounts import (
    AccountRequest,
    AccountsReply,
    AddAccountRequest,
    FinishLoginRequest,
    LoginReply,
    UseAccountRequest,
)
from hive_rpc.interfaces.operator.approvals import OperatorApprovalReply
from hive_rpc.interfaces.operator.configuration import (
    ConfigDiffReply,
    ConfigDiffRequest,
    ConfigLogReply,
    ConfigReply,
    EditConfigRequest,
    InputsReply,
    UpdateInputsRequest,
)
from hive_rpc.interfaces.operator.jobs import JobReply, JobsReply, RestartAllRequest
from hive_rpc.interfaces.operator.lives import TombstonesReply
from hive_rpc.interfaces.operator.request import AgentRequest, IdRequest, OperatorRequest
from hive_rpc.interfaces.operator.spending import (
    EgressLogReply,
    EgressLogRequest,
    RaiseCapRequest,
    SetCapsRequest,
    SpendingReply,
    StopAllRequest,
)
from hive_rpc.types import AgentState, Empty
from tests.support.fake_desk import FakeDesk

LOGIN_ADDRESS = "https://login.example/authorize?state=1"
LOGIN_CODE = "code#state"
RUNNING = "9b" * 20
"""The commit that every agent runs."""


class FakeOffices(FakeDesk):
    async def accounts(self, request: OperatorRequest) -> AccountsReply:
        self._admit(request, "accounts")
        return AccountsReply(accounts=self._desk.accounts)

    async def add_account(self, request: AddAccountRequest) -> Empty:
        self._confirmed(request, "add_account")
        if request.base_url is not None and not request.base_url.startswith("https://"):
            raise InvalidError("The address has to be https.", field="base_url")
        self._done("add_account", request.name, request.kind, request.secret, request.base_url)
        return Empty()

    async def remove_account(self, request: AccountRequest) -> Empty:
        self._confirmed(request, "remove_account")
        self._done("remove_account", request.name)
        return Empty()

    async def use_account(self, request: UseAccountRequest) -> Empty:
        self._confirmed(request, "use_account")
        self._done("use_account", request.agent, request.account)
        return Empty()

    async def begin_login(self, request: AccountRequest) -> LoginReply:
        self._confirmed(request, "begin_login")
        self._done("begin_login", request.name)
        return LoginReply(login=Login(id="login_1", address=LOGIN_ADDRESS, expires_at=self._core.clock.now()))

    async def finish_login(self, request: FinishLoginRequest) -> Empty:
        self._confirmed(request, "finish_login")
        if request.code != LOGIN_CODE:
            raise InvalidError("That is not a code.")
        self._done("finish_login", request.login)
        return Empty()

    async def spending(self, request: OperatorRequest) -> SpendingReply:
        self._admit(request, "spending")
        self._ask_the_gateway()
        return self._desk.spending or SpendingReply(spending=[], caps=[], raises=[], holds=[])

    async def set_caps(self, request: SetCapsRequest) -> Empty:
        self._confirmed(request, "set_caps")
        self._done("set_caps", request.scope, request.name, request.caps.model_dump(exclude_none=True))
        return Empty()

    async def raise_cap(self, request: RaiseCapRequest) -> Empty:
        self._admit(request, "raise_cap")
        self._done("raise_cap", request.scope, request.name, request.usd, request.tokens)
        return Empty()

    async def stop_all(self, request: StopAllRequest) -> Empty:
        self._admit(request, "stop_all")
        said = {"stopped": f"ada at 12:00 UTC, {request.reason}"}
        self._core.hive = self._core.hive.model_copy(update=said)
        self._done("stop_all", request.reason)
        return Empty()

    async def resume_all(self, request: OperatorRequest) -> Empty:
        self._admit(request, "resume_all")
        self._core.hive = self._core.hive.model_copy(update={"stopped": None})
        self._done("resume_all")
        return Empty()

    async def egress_log(self, request: EgressLogRequest) -> EgressLogReply:
        self._admit(request, "egress_log")
        self._ask_the_gateway()
        found = [e for e in self._desk.egress if request.agent in (None, e.agent)]
        return EgressLogReply(entries=found[: request.limit])

    async def cancel_job(self, request: IdRequest) -> JobReply:
        self._admit(request, "cancel_job")
        job = next(j for j in self._desk.jobs if j.id == request.id)
        ended = job.model_copy(update={"state": JobState.CANCELLED})
        self._desk.jobs[self._desk.jobs.index(job)] = ended
        self._done("cancel_job", request.id)
        return JobReply(job=ended, log="")

    async def restart_all(self, request: RestartAllRequest) -> JobsReply:
        self._admit(request, "restart_all")
        self._done("restart_all", request.reason)
        return JobsReply(jobs=[])

    async def config(self, request: AgentRequest) -> ConfigReply:
        self._admit(request, "config")
        if self._desk.config is None:
            raise NotFoundError("There is no configuration.")
        return ConfigReply(agent=request.name, config=self._desk.config, sha=RUNNING)

    async def config_log(self, request: AgentRequest) -> ConfigLogReply:
        self._admit(request, "config_log")
        return ConfigLogReply(commits=self._desk.commits)

    async def config_diff(self, request: ConfigDiffRequest) -> ConfigDiffReply:
        self._admit(request, "config_diff")
        return ConfigDiffReply(diff=self._desk.diff)

    async def edit_config(self, request: EditConfigRequest) -> OperatorApprovalReply:
        self._admit(request, "edit_config")
        if "wrong" in request.config:
            raise InvalidError("agent.toml: limits.wrong is not a key that hive knows.", hint="Correct it.")
        if request.base != RUNNING:
            raise ConflictError("The configuration was changed meanwhile.")
        now = self._core.clock.now()
        asked = Approval(
            id="apr_2",
            kind=ApprovalKind.APPLY_CONFIG,
            agent=request.name,
            state=ApprovalState.PENDING,
            reason=request.reason,
            requested_by="ada",
            requested_at=now,
            expires_at=now,
            apply_config=ApplyConfigPayload(sha="5c" * 20, base=request.base),
        )
        self._desk.approvals.append(asked)
        self._done("edit_config", request.name, request.config, request.reason)
        return OperatorApprovalReply(approval=asked)

    async def inputs(self, request: OperatorRequest) -> InputsReply:
        self._admit(request, "inputs")
        return InputsReply(inputs=self._desk.inputs, flake="{ inputs = { }; }\n")

    async def update_inputs(self, request: UpdateInputsRequest) -> OperatorApprovalReply:
        self._admit(request, "update_inputs")
        if request.inputs == ["hive"]:
            raise ConflictError("Nothing is new in hive.")
        now = self._core.clock.now()
        asked = Approval(
            id="apr_3",
            kind=ApprovalKind.UPDATE_INPUTS,
            agent="hive",
            state=ApprovalState.PENDING,
            reason=request.reason,
            requested_by="ada",
            requested_at=now,
            expires_at=now,
            update_inputs=UpdateInputsPayload(changes=[InputChange(name="nixpkgs", old="c4" * 20, new="d5" * 20)]),
        )
        self._desk.approvals.append(asked)
        self._done("update_inputs", request.inputs)
        return OperatorApprovalReply(approval=asked)

    async def tombstones(self, request: OperatorRequest) -> TombstonesReply:
        self._admit(request, "tombstones")
        return TombstonesReply(tombstones=self._desk.tombstones)

    async def revive(self, request: AgentRequest) -> Empty:
        self._admit(request, "revive")
        self._core.agent(request.name, AgentState.IDLE)
        self._done("revive", request.name)
        return Empty()

    def _ask_the_gateway(self) -> None:
        if not self._desk.gateway:
            raise UnavailableError("hive-gateway is not connected.", hint="Look at it.")
