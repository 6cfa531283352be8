"""The floor of turns: the SDK alone, with the CLI and the options that the runner has, and nothing of ours around it.

`python -m tests.bench.sdk HOME URL [SESSION]` is one turn in a process of its own, which has to import the SDK first.
"""

import asyncio
import sys
from pathlib import Path

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ResultMessage

from hive_agent.harness.surroundings import PACE, QUIET
from hive_agent.runner.command import UNFIT_TOOLS
from hive_rpc.interfaces.gateway import PLACEHOLDER_API_KEY

PROMPT = "what is 6*7?"


def options(home: Path, url: str, session: str | None = None) -> ClaudeAgentOptions:
    """For a conversation in `home`: a new one, or the one whose id is given."""
    return ClaudeAgentOptions(
        system_prompt={"type": "preset", "preset": "claude_code", "append": "You are an agent."},
        include_partial_messages=True,
        setting_sources=[],
        strict_mcp_config=True,
        disallowed_tools=list(UNFIT_TOOLS),
        resume=session,
        cwd=home,
        env={
            **PACE,
            **QUIET,
            "HOME": str(home),
            "CLAUDE_CONFIG_DIR": str(home / ".claude"),
            # Else it leaves files in /tmp.
            "CLAUDE_CODE_TMPDIR": str(home),
            "TMPDIR": str(home),
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": PLACEHOLDER_API_KEY,
        },
    )


async def turn(client: ClaudeSDKClient) -> str:
    """One turn to its end; the conversation's id."""
    await client.query(PROMPT)
    results = [message async for message in client.receive_response() if isinstance(message, ResultMessage)]
    if not results or results[-1].is_error:
        raise RuntimeError(f"the bare SDK's turn failed: {results}")
    return results[-1].session_id


async def connected_turn(home: Path, url: str, session: str | None = None) -> str:
    """Start the CLI, run one turn, and end it."""
    async with ClaudeSDKClient(options(home, url, session)) as client:
        conversation = await turn(client)
    return conversation


async def process(home: Path, url: str, session: str) -> None:
    """The same in a new process."""
    words = (sys.executable, "-m", "tests.bench.sdk", str(home), url, session)
    started = await asyncio.create_subprocess_exec(*words)
    if await started.wait() != 0:
        raise RuntimeError("the bare SDK's process failed")


if __name__ == "__main__":
    asyncio.run(connected_turn(Path(sys.argv[1]), *sys.argv[2:]))
