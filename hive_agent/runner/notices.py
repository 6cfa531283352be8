"""What an operator should see of a turn besides words and tools: waits, fallbacks, compaction."""

from hive_agent.runner.lines import mapping, number, words
from hive_rpc.types import Object


def notice(line: Object) -> str | None:
    """One sentence about a line of the CLI's, None when it is nothing to tell."""
    match line.get("type"), line.get("subtype"):
        case "system", "api_retry":
            status = number(line.get("error_status"))
            what = f"answered {status:.0f}" if status else "did not answer"
            seconds = (number(line.get("retry_delay_ms")) or 0) / 1000
            attempt, most = number(line.get("attempt")) or 0, number(line.get("max_retries")) or 0
            return f"The model's API {what}. Trying again in {seconds:.1f} s ({attempt:.0f} of {most:.0f})."
        case "system", "compact_boundary":
            metadata = mapping(line.get("compact_metadata"))
            before = number(metadata.get("pre_tokens"))
            return "The conversation was compacted" + (f", from {before:.0f} tokens." if before else ".")
        case "system", "model_fallback":
            return f"The model was changed to {words(line.get('fallback_model'))}: {words(line.get('trigger'))}."
        case "system", "init":
            return _unconnected(line)
    return None


def _unconnected(line: Object) -> str | None:
    # The CLI goes on without a server that does not connect; the model then has no way to answer anybody.
    servers = line.get("mcp_servers")
    down = [
        f"{words(server.get('name'))} ({words(server.get('status'))})"
        for server in (servers if isinstance(servers, list) else [])
        if isinstance(server, dict) and server.get("status") != "connected"
    ]
    return f"Tools are missing in this turn: {', '.join(down)}." if down else None
