"""What is recorded: one run of the CLI each, against the stand-in model."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

NO_RETRY = {"CLAUDE_CODE_MAX_RETRIES": "0"}
NO_FALLBACK = {"CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1"}
SUBSCRIPTION = {"CLAUDE_CODE_OAUTH_TOKEN": "made-up-for-this-recording"}
SESSION = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"


@dataclass(frozen=True)
class Run:
    """One run; what is printed on stdout and stderr, and the exit code, is kept of the last of a scenario."""

    prompt: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """Besides the usual one."""
    credentials: bool = True
    """An API key is given, unless the environment brings something else."""
    refused: bool = False
    """Nothing listens where the API should be."""
    kill: signal.Signals | None = None
    """Sent to the CLI when its request has arrived."""
    interrupt: bool = False
    """Long-lived: interrupted by a control request when its request has arrived, then asked something else."""


@dataclass(frozen=True)
class Scenario:
    name: str
    note: str
    runs: Sequence[Run]


def _one(name: str, note: str, prompt: str, *arguments: str, **more: object) -> Scenario:
    return Scenario(name, note, [Run(prompt, arguments, **more)])  # type: ignore[arg-type]


def _fault(name: str, note: str, directive: str, **environment: str) -> Scenario:
    return _one(name, note, f"Wake up. [[stand-in: {directive}]]", environment={**NO_RETRY, **environment})


SCENARIOS: Sequence[Scenario] = (
    _one("ok_text", "a plain answer", "what is 6*7?"),
    _fault("retries0_429", "429 without headers", "error 429"),
    _fault("retries0_429_retry_after_3600", "429 with retry-after", "error 429 retry-after=3600"),
    _fault("retries0_500", "500", "error 500"),
    _fault("retries0_502", "502", "error 502"),
    _fault("retries0_503", "503", "error 503"),
    _fault("retries0_529", "529", "error 529"),
    _fault("retries0_401", "401 with an API key", "error 401"),
    _fault("retries0_403", "403", "error 403"),
    _fault("retries0_400", "400 that is not about size", "error 400"),
    _fault("retries0_404", "404", "error 404"),
    _fault("retries0_408", "408", "error 408"),
    _fault("retries0_409", "409", "error 409"),
    _fault("retries0_413", "413", "error 413"),
    _fault("retries0_sse_error_529", "an overload as an event in the stream", "error 529 in-stream", **NO_FALLBACK),
    _fault("retries0_sse_error_500", "an error as an event in the stream", "error 500 in-stream", **NO_FALLBACK),
    _fault("retries0_drop_mid", "the stream is cut off, and so is the request after it", "drop-mid-stream"),
    _fault("retries0_drop_mid_nofallback", "the stream is cut off", "drop-mid-stream", **NO_FALLBACK),
    _fault("err_400_prompt_too_long", "the API says that the prompt is too long", "overflow"),
    _one("drop_mid_then_ok", "the stream is cut off once", "what is 6*7? [[stand-in: drop-mid-stream times=1]]"),
    _one("err_529_then_ok", "529 once", "what is 6*7? [[stand-in: error 529 times=1]]"),
    _one(
        "oauth_429_unified_5h",
        "a subscription's limit of five hours",
        "Wake up. [[stand-in: unified-limit resets_in=3600]]",
        environment=SUBSCRIPTION,
    ),
    _one(
        "oauth_429_unified_7d",
        "a subscription's weekly limit",
        "Wake up. [[stand-in: unified-limit resets_in=86400 claim=seven_day]]",
        environment=SUBSCRIPTION,
    ),
    _one(
        "oauth_429_plain",
        "429 without the unified headers, with a subscription",
        "Wake up. [[stand-in: error 429]]",
        environment={**SUBSCRIPTION, **NO_RETRY},
    ),
    _one("oauth_401", "401 with a subscription", "Wake up. [[stand-in: error 401]]", environment=SUBSCRIPTION),
    _one("no_credentials", "neither key nor token", "Wake up.", credentials=False),
    _one("retries0_refused", "nothing listens", "Wake up.", environment=NO_RETRY, refused=True),
    _one("max_budget", "a budget that the first request uses up", "what is 6*7?", "--max-budget-usd", "0.000001"),
    _one(
        "max_turns", "a turn that wants another request", "run echo hello", "--max-turns", "1", "--allowedTools", "Bash"
    ),
    _one("tool_bash_allowed", "a tool call", "run echo hello", "--allowedTools", "Bash"),
    _one("bad_flag", "a flag that there is not", "Wake up.", "--no-such-flag"),
    _one(
        "mcp_missing_file", "an MCP configuration that is not there", "Wake up.", "--mcp-config", "/no/such/file.json"
    ),
    _one("system_prompt_missing_file", "no such prompt", "Wake up.", "--append-system-prompt-file", "/no/such/file"),
    _one("empty_stdin", "no prompt", ""),
    _one("resume_unknown_id", "no such conversation", "Wake up.", "--resume", "11111111-2222-4333-8444-555555555555"),
    _one("resume_bad_id", "not an id", "Wake up.", "--resume", "not-an-id"),
    _one("slash_unknown", "a prompt that looks like a command", "/nosuchcommand"),
    Scenario(
        "session_id_reused",
        "--session-id with the id of a conversation that exists",
        [Run("what is 6*7?", ["--session-id", SESSION]), Run("what is 6*7?", ["--session-id", SESSION])],
    ),
    Scenario(
        "continue_second",
        "the second turn of a conversation",
        [Run("what is 6*7?"), Run("what is 7*7?", ["--continue"])],
    ),
    _one("compact_no_session", "/compact without a conversation", "/compact"),
    Scenario("compact_short", "/compact after one exchange", [Run("what is 6*7?"), Run("/compact", ["--continue"])]),
    Scenario(
        "compact_api_error",
        "/compact while nothing listens",
        [
            Run("what is 6*7?"),
            Run("what is 7*7?", ["--continue"]),
            Run("/compact", ["--continue"], NO_RETRY, refused=True),
        ],
    ),
    *(
        _one(f"{sign.name.lower()}_wait", f"{sign.name} while the request waits", _SLOW, kill=sign)
        for _SLOW in ["Wake up. [[stand-in: delay 30s]]"]
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    ),
    _one("longlived_interrupt_wait", "interrupted by a control request", "[[stand-in: delay 30s]]", interrupt=True),
)
