"""The bare SDK with one tool: for each line on its input one turn, whose beginning it prints."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any


async def main(directory: Path, cli: str, base_url: str) -> None:
    # What a program that wants to begin soon does first, too: it is part of the cold figure.
    from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, create_sdk_mcp_server, tool

    @tool("send", "Send a message.", {"to": str, "body": str})
    async def send(arguments: dict[str, Any]) -> dict[str, Any]:
        return {"content": []}

    environment = {
        "HOME": str(directory),
        "CLAUDE_CONFIG_DIR": str(directory),
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": "sk-ant-api03-bench",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    options = ClaudeAgentOptions(
        cli_path=cli,
        cwd=directory,
        env=environment,
        model="sonnet",
        permission_mode="bypassPermissions",
        setting_sources=[],
        include_partial_messages=True,
        mcp_servers={"hive": create_sdk_mcp_server("hive", tools=[send])},
    )
    async with ClaudeSDKClient(options) as client:
        while await asyncio.to_thread(sys.stdin.readline):
            print(time.monotonic(), flush=True)
            await client.query("what is 6*7?")
            async for _ in client.receive_response():
                pass
            print("done", flush=True)


asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
