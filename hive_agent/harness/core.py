"""The harness's connections to core. Replies come in call order, so each kind of call has a connection of its own."""

from dataclasses import dataclass

from hive_agent.harness.link import Link


@dataclass(frozen=True)
class Core:
    calls: Link
    """Everything that is answered at once."""
    polls: Link
    """Waiting for messages."""
    events: Link
    """Events, which come in bulk and must not hold up the rest."""
    control: Link
    """The stream of commands."""

    async def close(self) -> None:
        for link in (self.calls, self.polls, self.events, self.control):
            await link.close()
