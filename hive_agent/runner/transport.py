"""The SDK's hold on the CLI: a `Transport` that gives the SDK its control protocol and us the conversation.

The SDK's own transport would start the CLI itself. This one is given a process that runs already, so that the CLI
starts while the SDK is being imported, and so that its exit code, its stderr and every line, also of kinds that the
SDK does not know, are ours to judge. What the SDK does here is the control protocol: initialization, interrupts, and
the MCP server that runs in our process.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

from claude_agent_sdk import CLIConnectionError, Transport

from hive_agent.runner.cli import CliProcess
from hive_rpc.types import Object

CONTROL = frozenset({"control_request", "control_response", "control_cancel_request"})


class CliTransport(Transport):
    """`follow` gets each line of the conversation, `ended` is called when there will be no more."""

    def __init__(self, cli: CliProcess, *, follow: Callable[[Object], None], ended: Callable[[], None]) -> None:
        self._cli = cli
        self._follow = follow
        self._ended = ended
        self._open = True

    async def connect(self) -> None:
        """Nothing to do: the process runs."""

    async def write(self, data: str) -> None:
        try:
            await self._cli.write(data)
        except OSError as error:
            raise CLIConnectionError(f"the CLI takes no input: {error}") from error

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        async for line in self._cli.lines():
            if line.get("type") in CONTROL:
                yield line
            else:
                self._follow(line)
        self._ended()
        # Raised also after a good end: it is what makes the SDK give up on an answer that it still awaits.
        raise CLIConnectionError("the CLI has closed its output")

    async def close(self) -> None:
        self._open = False

    def is_ready(self) -> bool:
        return self._open and self._cli.exit_code is None

    async def end_input(self) -> None:
        """The process is ended by whoever started it."""
