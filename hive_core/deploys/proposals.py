"""Asking for changes. Everything is validated here, before a person sees it."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from hive_base.clock import Clock
from hive_base.ids import new_id
from hive_base.paths import SECRETS
from hive_core.agents.agents import Agents
from hive_core.agents.config import AgentConfig, parse
from hive_core.agents.names import checked_name
from hive_core.approvals import Approvals
from hive_core.approvals.approvals import Request
from hive_core.approvals.telling import AGENT_SOCKET
from hive_core.configs.configs import Configs, refuse_what_is_nixos
from hive_core.configs.repositories import Repositories, Tree
from hive_core.containers import secrets
from hive_core.deploys.systems import Systems
from hive_core.meta.meta import Meta
from hive_core.operators.audit import Actor
from hive_core.rates import Rate, Rates
from hive_rpc.configuration import (
    ApplyConfigPayload,
    Approval,
    ApprovalKind,
    ApprovalState,
    DestroyPayload,
    DiffBase,
    InputChange,
    SpawnPayload,
    UpdateInputsPayload,
)
from hive_rpc.errors import ConflictError, InvalidError, RateLimitedError
from hive_rpc.types import SYSTEM

_RATE = Rate(burst=40, per_second=1 / 300)
"""Of what one agent asks for: of each commit that is looked at up to 8 MiB are kept, whatever becomes of it."""
_SHA = re.compile(r"[0-9a-f]{40}")


def checked_sha(sha: str) -> str:
    """Raises InvalidError for everything but a commit's full id."""
    if not _SHA.fullmatch(sha):
        raise InvalidError(
            f"{sha!r} is not a commit's full id.",
            field="sha",
            hint="A branch or a tag can be moved after it was approved: give what `git rev-parse HEAD` prints.",
        )
    return sha


class Proposals:
    """For agents with the capability and for operators alike; who asks is told in the audit log."""

    def __init__(
        self,
        *,
        agents: Agents,
        approvals: Approvals,
        clock: Clock,
        configs: Configs,
        repositories: Repositories,
        meta: Meta | None,
        systems: Systems,
        secrets: Path = SECRETS,
    ) -> None:
        self._rates = Rates(clock, _RATE)
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._secrets = secrets
        self._meta = meta
        self._systems = systems
        self._agents = agents
        self._approvals = approvals
        self._configs = configs
        self._repositories = repositories

    async def apply(self, actor: Actor, name: str, sha: str, reason: str) -> Approval:
        """Ask that an agent runs with a commit of `proposed`. Raises InvalidError, ConflictError, NotFoundError."""
        self._agents.get(name)
        checked_sha(sha)
        async with self._turn_of(actor):
            return await self._apply(actor, name, await self._repositories.take(name, sha), reason)

    async def edit(self, actor: Actor, name: str, config: str, base: str | None, reason: str) -> Approval:
        """Ask that an agent runs with another `agent.toml`, of which this commits the text."""
        parse(config)
        running = await self._configs.commit_of(name)
        if base is not None and base != running:
            raise ConflictError(
                f"The configuration of {name} was changed meanwhile: it is {running[:12]} now.",
                hint="Look at it, and edit it again.",
            )
        files = dict((await self._repositories.read(name, running)).files) | {"agent.toml": config}
        sha = await self._repositories.commit(
            name, files, parent=running, author=actor.name, message=reason or f"Edited by {actor.name}"
        )
        return await self._apply(actor, name, Tree(sha, files), reason)

    async def spawn(self, actor: Actor, name: str, sha: str, reason: str) -> Approval:
        """Ask for a new agent with the configuration of a commit of `proposed`."""
        if checked_name(name) in self._agents.live_names():
            raise ConflictError(f"There is an agent {name} already.", hint="Ask for another configuration of it.")
        checked_sha(sha)
        async with self._turn_of(actor):
            tree = await self._repositories.take(name, sha)
            return await self._ask(actor, name, SpawnPayload(sha=sha), tree, reason)

    async def destroy(self, actor: Actor, name: str, reason: str) -> Approval:
        """Ask that an agent is taken out of the hive."""
        self._agents.get(name)
        return await self._approvals.ask(actor, Request(name, DestroyPayload(), reason))

    async def update(self, actor: Actor, inputs: Sequence[str], reason: str) -> Approval:
        """Ask that every agent is built from what is new in these inputs, and of none given in all of them.

        Raises InvalidError, ConflictError.
        """
        if self._meta is None:
            raise ConflictError(
                "The containers of this hive are stateless: nothing is built from inputs.",
                hint="They have the machine's own /usr: update the machine, and restart them.",
            )
        async with self._turn_of(actor):
            proposed = await self._meta.propose(inputs)
            payload = UpdateInputsPayload(changes=list(proposed.changes))
            return await self._approvals.ask(actor, Request(SYSTEM, payload, reason, proposed.lock))

    async def approve(self, actor: Actor, approval_id: str, note: str) -> Approval:
        """Say yes. Raises ConflictError, also when the world has changed so that it cannot be carried out."""
        asked = await self._approvals.get(approval_id)
        details: dict[str, str] = {}
        if asked.update_inputs is not None:
            changes = [change.model_dump_json() for change in asked.update_inputs.changes]
            details = {"lock": await self._approvals.config(approval_id), "changes": json.dumps(changes)}
        elif asked.kind is not ApprovalKind.SPAWN:
            self._agents.get(asked.agent)
        elif asked.agent in self._agents.live_names():
            raise ConflictError(f"There is an agent {asked.agent} by now.")
        if asked.sha is not None:
            details = {"config": await self._approvals.config(approval_id), "sha": asked.sha}
        return await self._approvals.approve(actor, approval_id, note, details)

    async def deny(self, actor: Actor, approval_id: str, note: str) -> Approval:
        """Say no."""
        denied = await self._approvals.deny(actor, approval_id, note)
        if denied.sha is not None:
            await self._repositories.mark(denied.agent, f"denied/{denied.id}", denied.sha, note)
        return denied

    async def base(self, asked: Approval, against: DiffBase) -> str | None:
        """The commit to compare a proposal with; None where there is none."""
        match against:
            case DiffBase.RUNNING if asked.agent in self._agents.live_names():
                return await self._configs.commit_of(asked.agent)
            case DiffBase.RUNNING:
                return None
            case DiffBase.APPROVED:
                earlier = await self._approvals.before(asked, approved=True)
            case DiffBase.PROPOSED:
                earlier = await self._approvals.before(asked, approved=False)
        return earlier.sha if earlier is not None else None

    async def diff(self, asked: Approval, base: str | None) -> str:
        """What a proposal changes in `base`; of an update, what is pinned."""
        if asked.update_inputs is not None:
            return "@@ inputs @@\n" + "".join(map(_lines, asked.update_inputs.changes))
        return "" if asked.sha is None else await self._repositories.diff(asked.agent, base, asked.sha)

    async def warnings(self, asked: Approval) -> list[str]:
        """What is easily overlooked in a diff."""
        if asked.sha is None:
            return []
        new = parse(await self._approvals.config(asked.id))
        old = AgentConfig()
        found = []
        if asked.agent in self._agents.live_names():
            agent = self._agents.get(asked.agent)
            old = agent.config
            payload = asked.apply_config
            if asked.state is ApprovalState.PENDING and payload is not None and agent.sha != payload.base:
                found.append(f"{asked.agent} runs another configuration by now than when this was asked for.")
        for capability in sorted(new.capabilities - old.capabilities):
            found.append(f"{asked.agent} gets the capability {capability}.")
        for mount in new.mounts:
            if mount not in old.mounts:
                way = "read and write" if mount.writable else "read"
                found.append(f"{asked.agent} can {way} the machine's {mount.source}.")
        for server in new.mcp_servers:
            if server not in old.mcp_servers:
                found.append(f"{asked.agent} runs {server.command} for its tools.")
        for rule in sorted(set(map(str, new.egress)) - set(map(str, old.egress))):
            found.append(f"{asked.agent} can connect to {rule}.")
        for variable, secret in sorted(set(new.secrets.items()) - set(old.secrets.items())):
            found.append(f"{asked.agent} gets the secret {secret} as {variable}.")
        for rule in sorted(set(old.tools.ask) - set(new.tools.ask)):
            found.append(f"{asked.agent} may use {rule} without a question.")
        if new.nix and not old.nix:
            found.append(f"{asked.agent} can use the machine's nix daemon, which is a way out to the network.")
        return found

    @asynccontextmanager
    async def _turn_of(self, actor: Actor) -> AsyncIterator[None]:
        """What an agent asks for is looked at one after the other: an evaluation may take 4 GiB. Raises
        RateLimitedError.
        """
        if actor.via != AGENT_SOCKET:
            yield
            return
        if (wait := self._rates.take(actor.name)) > 0:
            raise RateLimitedError(f"{actor.name} asks for too much.", hint=f"Wait {wait:.0f} s.", retry_after=wait)
        async with self._turns[actor.name]:
            yield

    async def _apply(self, actor: Actor, name: str, tree: Tree, reason: str) -> Approval:
        running = await self._configs.commit_of(name)
        if tree.sha == running:
            raise ConflictError(f"{name} runs {tree.sha[:12]} already.", hint="Commit a change first.")
        return await self._ask(actor, name, ApplyConfigPayload(sha=tree.sha, base=running), tree, reason)

    async def _ask(
        self, actor: Actor, name: str, payload: SpawnPayload | ApplyConfigPayload, tree: Tree, reason: str
    ) -> Approval:
        config = check(tree.files, built=self._meta is not None)
        await secrets.check(config.secrets.values(), self._secrets)
        await self._systems.evaluate(name, tree.files)
        approval_id = new_id("apr")
        asked = await self._approvals.ask(actor, Request(name, payload, reason, tree.config), approval_id)
        if asked.id == approval_id:
            await self._repositories.mark(name, f"proposal/{asked.id}", tree.sha, reason)
        return asked


def _lines(change: InputChange) -> str:
    """As a diff says it."""

    def side(sign: str, revision: str | None, at: datetime | None) -> str:
        return f"{sign}{change.name} {revision}{f' of {at:%Y-%m-%d}' if at else ''}\n" if revision else ""

    return side("-", change.old, change.old_at) + side("+", change.new, change.new_at)


def check(files: Mapping[str, str], *, built: bool) -> AgentConfig:
    """What can be said of a configuration without running it. Raises InvalidError."""
    config = parse(files["agent.toml"])
    if not built:
        refuse_what_is_nixos(config, files.get("agent.nix", ""))
    return config
