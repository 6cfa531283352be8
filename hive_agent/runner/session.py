"""The SDK's client over a running CLI: turns, one after the other, and the interrupt of the one that runs."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from claude_agent_sdk import (
    CanUseTool,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ClaudeSDKError,
    McpSdkServerConfig,
    PermissionResult,
    PermissionResultAllow,
    PermissionResultDeny,
    ToolPermissionContext,
)

from hive_agent.runner.cli import CliProcess
from hive_agent.runner.command import TOOL_SERVER
from hive_agent.runner.recorder import TurnRecorder
from hive_agent.runner.transport import CliTransport
from hive_base.clock import Clock
from hive_rpc.interfaces.runner import PermitReply, PermitRequest, TurnFinishedRequest, TurnInstruction
from hive_rpc.types import Event, Object

log = logging.getLogger(__name__)

Permit = Callable[[PermitRequest], Awaitable[PermitReply]]
"""Says whether the model may use a tool, once that is decided."""


class Session:
    """A conversation in a running CLI. Made by `opened`."""

    def __init__(
        self,
        cli: CliProcess,
        *,
        tools: McpSdkServerConfig,
        permit: Permit | None,
        emit: Callable[[Event], None],
        clock: Clock,
    ) -> None:
        self._cli = cli
        self._emit = emit
        self._clock = clock
        self._client = ClaudeSDKClient(
            ClaudeAgentOptions(
                mcp_servers={TOOL_SERVER: tools}, can_use_tool=None if permit is None else _asking(permit)
            ),
            transport=CliTransport(cli, follow=self._follow, ended=self._ended),
        )
        self._recorder: TurnRecorder | None = None
        self._turn_over = asyncio.Event()
        self._error: str | None = None
        self._cost = 0.0

    async def turn(self, instruction: TurnInstruction) -> TurnFinishedRequest:
        """Run a turn to its end. The death of the CLI is one too, and the last: the evidence then has its exit code."""
        recorder = TurnRecorder(instruction.turn_id, clock=self._clock, emit=self._emit, cost_before=self._cost)
        if self._error is None:
            self._recorder = recorder
            self._turn_over.clear()
            try:
                await self._client.query(instruction.prompt)
            except ClaudeSDKError as error:
                self._break(str(error))
        await self._turn_over.wait()
        self._recorder = None
        self._cost = recorder.cost_total
        if self._error is not None:
            await self._cli.close()
        return recorder.evidence(
            exit_code=self._cli.exit_code,
            stderr=self._cli.stderr,
            error=None if recorder.finished else self._error,
        )

    async def interrupt(self) -> None:
        """Ask the CLI to end the turn; its `result` then says that it was interrupted."""
        try:
            await self._client.interrupt()
        except Exception as error:  # noqa: BLE001 the SDK raises bare Exception when the CLI refuses or does not answer
            log.warning("The CLI cannot be interrupted: %s", error)

    async def connect(self) -> None:
        """Let the SDK and the CLI agree on the control protocol. A failure is the outcome of the turn that follows."""
        try:
            await self._client.connect()
        except Exception as error:  # noqa: BLE001 the SDK raises bare Exception when the CLI refuses or does not answer
            self._break(str(error))

    async def close(self) -> None:
        await self._client.disconnect()

    def _follow(self, line: Object) -> None:
        if self._recorder is None:
            log.debug("The CLI printed a line between turns: %s %s", line.get("type"), line.get("subtype"))
            return
        self._recorder.follow(line)
        if self._recorder.finished:
            self._turn_over.set()

    def _ended(self) -> None:
        self._break("the CLI ended")

    def _break(self, error: str) -> None:
        self._error = self._error or error
        self._turn_over.set()


def _asking(permit: Permit) -> CanUseTool:
    async def asked(tool: str, arguments: Object, context: ToolPermissionContext) -> PermissionResult:
        reply = await permit(PermitRequest(tool=tool, arguments=arguments))
        if reply.allowed:
            return PermissionResultAllow(updated_input=arguments)
        return PermissionResultDeny(message=reply.message)

    return asked


@contextlib.asynccontextmanager
async def opened(
    cli: CliProcess,
    *,
    tools: McpSdkServerConfig,
    permit: Permit | None,
    emit: Callable[[Event], None],
    clock: Clock,
) -> AsyncIterator[Session]:
    """A session for a `with` block. `permit` is asked about the tools for which the CLI is told to ask."""
    session = Session(cli, tools=tools, permit=permit, emit=emit, clock=clock)
    await session.connect()
    try:
        yield session
    finally:
        await session.close()
