"""The verbs of an agent's life."""

from collections.abc import Sequence

from hive_base.clock import Clock
from hive_core.agents.hooks import Hooks
from hive_core.agents.models import Agent
from hive_core.agents.registry import Registry
from hive_core.containers.containers import Containers
from hive_core.logs.journal import Journal
from hive_rpc.interfaces.agent import ReportStateRequest


class Agents:
    """Every agent of this hive. Verbs return when they are done, and raise a HiveError that tells the cause.

    Reading never waits: the rows are in memory, and every change is written before it is shown.
    """

    def __init__(
        self, *, registry: Registry, containers: Containers, journal: Journal, hooks: Hooks, clock: Clock
    ) -> None:
        raise NotImplementedError

    async def adopt(self) -> None:
        """At core's start: listen on every agent's socket, take over what runs, and find out what does not."""
        raise NotImplementedError

    async def run(self) -> None:
        """Follow the containers and carry out verbs, until cancelled. Starts what should run and does not."""
        raise NotImplementedError

    def all(self) -> Sequence[Agent]:
        """All of them, by name."""
        raise NotImplementedError

    def live_names(self) -> frozenset[str]:
        """Those a message can be sent to: every agent of the registry."""
        raise NotImplementedError

    def get(self, name: str) -> Agent:
        """Raises NotFoundError."""
        raise NotImplementedError

    async def spawn(self, name: str, config_text: str | None) -> Agent:
        """Create an agent, boot it, and wait for its harness's hello. On failure nothing of it is left."""
        raise NotImplementedError

    async def start(self, name: str) -> None:
        """Boot a stopped or failed agent, and wait for its harness's hello."""
        raise NotImplementedError

    async def stop(self, name: str) -> None:
        """Drain an agent and stop its container."""
        raise NotImplementedError

    async def restart(self, name: str) -> None:
        """Stop, then start."""
        raise NotImplementedError

    async def destroy(self, name: str, *, purge: bool) -> None:
        """Stop an agent and take it out of the hive; with `purge` its files go too."""
        raise NotImplementedError

    async def hello(self, name: str, instance: str) -> None:
        """The agent's harness said hello."""
        raise NotImplementedError

    async def harness_left(self, name: str, instance: str) -> None:
        """The connection on which this instance said hello has ended."""
        raise NotImplementedError

    async def report_state(self, name: str, request: ReportStateRequest) -> None:
        """The agent's harness says what it does."""
        raise NotImplementedError
