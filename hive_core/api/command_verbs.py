"""The part of the agents' and the operators' interfaces that is about commands to a harness."""

from hive_core.commands import Commands
from hive_core.operators.audit import Actor
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.lives import (
    AgentCommandsReply,
    AgentCommandsRequest,
    CommandAgentReply,
    CommandAgentRequest,
)


class OperatorCommands(Operator):
    """Acts for `actor`."""

    def __init__(self, commands: Commands, actor: Actor) -> None:
        self._commands = commands
        self._asker = actor

    async def command_agent(self, request: CommandAgentRequest) -> CommandAgentReply:
        asked = await self._commands.ask(self._asker, request.name, request.kind, request.value)
        return CommandAgentReply(command=asked)

    async def agent_commands(self, request: AgentCommandsRequest) -> AgentCommandsReply:
        return AgentCommandsReply(commands=await self._commands.latest(request.name, request.limit))
