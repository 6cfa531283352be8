"""How each agent stands with its account: which it is, what the gateway is told, and what holds the agent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hive_core.accounts.line import GatewayLine, new_errand_id
from hive_core.accounts.policies import Policies
from hive_core.agents.agents import Agents
from hive_core.agents.models import Agent
from hive_rpc.accounts import DEFAULT_ACCOUNT, Account, Hold, HoldKind, Scope, ScopedCaps
from hive_rpc.errors import ConflictError
from hive_rpc.interfaces.agent import Command, CommandKind, Settings
from hive_rpc.interfaces.gateway import AgentsReply, Errand, ErrandKind, GatewayAgent, Trial, TurnMark
from hive_rpc.types import Turn

_LONGEST_ID = 128
"""Characters of a turn's id as the gateway hears of it; it is the agent's to choose, and all agents share one frame."""
_GRAVEST = (HoldKind.STOPPED, HoldKind.LOGIN, HoldKind.LIMIT, HoldKind.CAP)
"""Of several holds an agent is told the first of these."""

_WAY_OUT = {
    HoldKind.CAP: "`hive spending` shows the caps, `hive caps raise` raises them until the end of the day.",
    HoldKind.STOPPED: "`hive resume-all` lets everything go on.",
}


@dataclass(frozen=True)
class _Told:
    settings: Settings
    hold: Hold | None


class Standing:
    def __init__(
        self,
        line: GatewayLine,
        policies: Policies,
        agents: Agents,
        command: Callable[[str, Command], object],
        directory: Callable[[str], str],
        settings: Callable[[Agent], Settings],
    ) -> None:
        """`command` sends a command to an agent's harness, `directory` is where the gateway listens for an agent,
        `settings` are what its configuration and its operators want."""
        self._line = line
        self._policies = policies
        self._agents = agents
        self._command = command
        self._directory = directory
        self._settings = settings
        self._turns: dict[str, TurnMark] = {}
        self._told: dict[str, _Told] = {}

    def account_name(self, agent: Agent) -> str:
        return self._policies.now.uses.get(agent.name) or agent.config.account or DEFAULT_ACCOUNT

    def account(self, agent: Agent) -> Account | None:
        """None when the gateway has not said that there is one of that name."""
        name = self.account_name(agent)
        return next((account for account in self._line.accounts if account.name == name), None)

    def users(self, account: str) -> list[str]:
        return [agent.name for agent in self._agents.all() if self.account_name(agent) == account]

    def commands(self, name: str) -> Sequence[Command]:
        """What a harness is told when it begins to listen; also that nothing holds it, if it heard otherwise before."""
        now = self._now(self._agents.get(name))
        self._told[name] = now
        return [
            Command(kind=CommandKind.SETTINGS, settings=now.settings),
            Command(kind=CommandKind.HOLD, hold=now.hold),
        ]

    def refresh(self) -> None:
        """Tell each harness what is other than it was told last."""
        agents = self._agents.all()
        for agent in agents:
            now, before = self._now(agent), self._told.get(agent.name)
            if before is None or now == before:
                continue
            self._told[agent.name] = now
            if now.settings != before.settings:
                self._command(agent.name, Command(kind=CommandKind.SETTINGS, settings=now.settings))
            if now.hold != before.hold:
                self._command(agent.name, Command(kind=CommandKind.HOLD, hold=now.hold))
        names = {agent.name for agent in agents}
        self._told = {name: told for name, told in self._told.items() if name in names}
        self._turns = {name: mark for name, mark in self._turns.items() if name in names}

    def hold(self, agent: Agent) -> Hold | None:
        """What keeps this agent's requests from going out."""
        if (words := self._policies.now.stopped) is not None:
            return Hold(kind=HoldKind.STOPPED, scope=Scope.HIVE, reason=f"everything was stopped by {words}")
        concerned = {(Scope.HIVE, ""), (Scope.ACCOUNT, self.account_name(agent)), (Scope.AGENT, agent.name)}
        holds = [hold for hold in self._line.holds if (hold.scope, hold.name) in concerned]
        holds.sort(key=lambda hold: hold.until.timestamp() if hold.until is not None else float("inf"), reverse=True)
        return min(holds, key=lambda hold: _GRAVEST.index(hold.kind), default=None)

    async def let_try(self, agent: Agent) -> str | None:
        """Have the gateway let an agent past a hold of its account, which is returned; None when nothing holds it.

        Raises ConflictError where what holds it is an operator's doing, and what the gateway raised.
        """
        hold = self.hold(agent)
        if hold is None:
            return None
        if hold.kind in {HoldKind.CAP, HoldKind.STOPPED}:
            raise ConflictError(f"{agent.name} cannot be woken: {hold.reason}.", hint=_WAY_OUT[hold.kind])
        trial = Trial(account=self.account_name(agent), agent=agent.name)
        await self._line.run(Errand(id=new_errand_id(), kind=ErrandKind.TRY_ACCOUNT, try_account=trial))
        return trial.account

    def turn_started(self, agent: str, turn: Turn) -> None:
        """The harness says so; older news that comes late is nothing new."""
        mark = TurnMark(id=turn.id[:_LONGEST_ID], started_at=turn.started_at)
        known = self._turns.get(agent)
        if known is None or known.started_at < mark.started_at:
            self._turns[agent] = mark
            self._line.agents_changed()

    def caps(self) -> list[ScopedCaps]:
        """Every cap that is set, the agents' own included."""
        own = [
            ScopedCaps(scope=Scope.AGENT, name=agent.name, caps=agent.config.caps)
            for agent in self._agents.all()
            if agent.config.caps.model_dump(exclude_none=True)
        ]
        return [*self._policies.now.caps, *own]

    def for_gateway(self) -> AgentsReply:
        decided = self._policies.now
        return AgentsReply(
            agents=[
                GatewayAgent(
                    name=agent.name,
                    directory=self._directory(agent.name),
                    account=self.account_name(agent),
                    models=list(agent.config.models),
                    caps=agent.config.caps,
                    egress=list(agent.config.egress),
                    turn=self._turns.get(agent.name),
                )
                for agent in self._agents.all()
            ],
            caps=list(decided.caps),
            raises=list(decided.raises),
            stopped=decided.stopped,
        )

    def _now(self, agent: Agent) -> _Told:
        account = self.account(agent)
        subscription = account is not None and account.kind.subscription
        settings = self._settings(agent).model_copy(update={"subscription": subscription})
        return _Told(settings, self.hold(agent))
