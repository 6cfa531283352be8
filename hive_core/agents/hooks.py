"""What the verbs of an agent's life need from the rest of core."""

from typing import Protocol

from hive_core.agents.models import Agent


class Hooks(Protocol):
    """Implemented where core is wired together."""

    async def listen(self, agent: str) -> None:
        """Open the agent's core socket. Its directory is there; doing it twice is no error."""

    async def unlisten(self, agent: str) -> None:
        """Close the agent's core socket and every connection on it; no error when there is none."""

    async def drain(self, agent: str) -> None:
        """Tell the harness to finish its turn, and return when it has; it is cancelled after `drain_seconds`.

        Returns at once when no harness is connected.
        """

    def interrupt(self, agent: str) -> None:
        """Tell the harness to interrupt its turn; no error when no harness is connected."""

    async def container_died(self, agent: str) -> None:
        """The agent's container has ended, whatever the cause: what was leased to its harness is free again, and its
        turn is over.
        """

    def changed(self, agent: str, now: Agent | None) -> None:
        """The agent's state, container or settings are other than before; None when it has left the hive."""
