"""`org.hive.Gateway`: what the gateway asks of core, on core's `gateway.sock`. The gateway dials; core never does."""

from collections.abc import AsyncIterator

from hive_rpc.interface import Interface, rpc
from hive_rpc.types import Empty, Model

PLACEHOLDER_API_KEY = "sk-ant-api03-hive-placeholder"
"""What the CLI in a container has as ANTHROPIC_API_KEY. The gateway refuses any other credential, so that a real
one that found its way into a container shows at once, and puts the account's own in its place."""


class GatewayAgent(Model):
    name: str
    directory: str
    """An existing directory that belongs to the gateway; it listens there on `gateway.sock`."""


class AgentsReply(Model):
    agents: list[GatewayAgent]
    """All of them; one that is missing since the last reply is gone."""


class ReportBackendRequest(Model):
    stand_in: bool
    description: str
    """What answers the agents, in words for a person; never anything secret."""


class Gateway(Interface, name="org.hive.Gateway", sockets=["gateway.sock"]):
    """The gateway."""

    @rpc()
    def agents(self, request: Empty) -> AsyncIterator[AgentsReply]:
        """The agents now, and again at each change."""
        raise NotImplementedError

    @rpc()
    async def report_backend(self, request: ReportBackendRequest) -> Empty:
        """Say what answers the agents' requests; holds as long as this connection."""
        raise NotImplementedError
