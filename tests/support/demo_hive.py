"""A hive at work, for the screenshots: what an operator sees on an ordinary day."""

from datetime import timedelta

from hive_rpc.types import (
    OPERATOR,
    AgentState,
    ContainerState,
    EventKind,
    Role,
    ToolCall,
    ToolResult,
    TurnOutcome,
    Usage,
)
from tests.support.fake_core import FakeCore

FIX = """\
Found it. `parse_window` compared **local** times, so the report skipped an hour when the clocks changed.

- `billing/window.py`: both ends are UTC now
- a test with the night of 25 October, which failed before

```python
def parse_window(text: str) -> Window:
    start, end = (to_utc(part) for part in text.split("/"))
    return Window(start, end)
```

Want me to open it for review? Background: https://docs.python.org/3/library/zoneinfo.html"""

DIFF = """\
diff --git a/billing/window.py b/billing/window.py
@@ -14,5 +14,5 @@
-    start, end = (to_local(part) for part in text.split("/"))
+    start, end = (to_utc(part) for part in text.split("/"))"""

PYTEST = """\
============================= test session starts ==============================
collected 214 items

tests/test_window.py ....F...........                                    [ 7%]
E   AssertionError: assert 23 == 24
1 failed, 213 passed in 8.41s"""


def populate(core: FakeCore) -> None:
    """Five agents in five states, a conversation, and a turn that runs."""
    now = core.clock.now()

    def ago(minutes: float) -> object:
        return now - timedelta(minutes=minutes)

    core.hive = core.hive.model_copy(update={"healthy": False})
    core.passwords["ada"] = ("correct horse", Role.ADMIN)
    core.passwords["vic"] = ("battery staple", Role.VIEWER)
    common = {"created_at": ago(60 * 24 * 9)}
    core.agent("manager", AgentState.IDLE, since=ago(3), model="claude-opus-4-5", capabilities=["manager"], **common)
    core.agent("worker", AgentState.IDLE, since=ago(26), model="claude-sonnet-4-5", **common)
    core.agent(
        "docs",
        AgentState.PARKED,
        since=ago(41),
        reason="Usage limit of the account is reached.",
        until=now + timedelta(minutes=74),
        model="claude-sonnet-4-5",
        unread=2,
        **common,
    )
    core.agent(
        "migrations",
        AgentState.FAILED,
        since=ago(12),
        reason="Its container ended with exit code 137: out of memory (limit 2 GiB).",
        container=ContainerState.FAILED,
        unread=1,
        **common,
    )
    core.agent("night-shift", AgentState.STOPPED, since=ago(60 * 26), container=ContainerState.STOPPED, **common)

    core.message(OPERATOR, "manager", "Please find out why the October report is an hour short.", sent_at=ago(34))
    first = core.begin_turn("manager", "turn_1", started_at=ago(33.9), messages=["msg_1"])
    core.emit(
        EventKind.TEXT,
        "manager",
        turn_id="turn_1",
        at=ago(33.8),
        text="The report is `worker`’s code. I will ask it to look, with what I know.",
    )
    send = ToolCall(
        id="toolu_1",
        name="mcp__hive__send",
        input={"to": "worker", "body": "The October report is an hour short. Clock change on the 25th?"},
    )
    core.emit(EventKind.TOOL_CALL, "manager", turn_id="turn_1", at=ago(33.7), tool_call=send)
    core.message(
        "manager",
        "worker",
        "The October report is an hour short; I suspect the clock change on the 25th. Can you check `billing/`?",
        sent_at=ago(33.7),
    )
    core.emit(
        EventKind.TOOL_RESULT,
        "manager",
        turn_id="turn_1",
        at=ago(33.7),
        tool_result=ToolResult(id="toolu_1", content="msg_2"),
    )
    core.end_turn(
        "manager",
        first,
        ended_at=ago(33.5),
        outcome=TurnOutcome.OK,
        duration_seconds=8.2,
        model="claude-opus-4-5",
        usage=Usage(input_tokens=1240, output_tokens=310, cache_read_tokens=18_400),
        cost_usd=0.0431,
    )

    for _ in range(3):
        core.change("worker", AgentState.STARTING, since=ago(60 * 3))
    second = core.begin_turn("worker", "turn_2", started_at=ago(33.6), messages=["msg_2"])
    core.emit(
        EventKind.THINKING,
        "worker",
        turn_id="turn_2",
        at=ago(33.4),
        text="An hour short in October points to the end of daylight saving time. The window is probably local.",
    )
    core.emit(
        EventKind.TEXT,
        "worker",
        turn_id="turn_2",
        at=ago(33.3),
        text="I will look at how the report’s window is computed, and run its tests first.",
    )
    for number, (name, given, result, failed) in enumerate(
        [
            ("Bash", {"command": "pytest -q tests/test_window.py"}, PYTEST, True),
            ("Grep", {"pattern": "to_local", "path": "billing/"}, "billing/window.py:16", False),
            ("Edit", {"file_path": "billing/window.py", "old_string": "to_local", "new_string": "to_utc"}, DIFF, False),
            ("Bash", {"command": "pytest -q"}, "214 passed in 8.02s", False),
        ]
    ):
        call = ToolCall(id=f"toolu_2{number}", name=name, input=given)
        core.emit(EventKind.TOOL_CALL, "worker", turn_id="turn_2", at=ago(33 - number), tool_call=call)
        done = ToolResult(id=call.id, content=result, is_error=failed)
        core.emit(EventKind.TOOL_RESULT, "worker", turn_id="turn_2", at=ago(32.8 - number), tool_result=done)
    core.message("worker", "manager", FIX, in_reply_to="msg_2", sent_at=ago(27))
    core.end_turn(
        "worker",
        second,
        ended_at=ago(26),
        outcome=TurnOutcome.OK,
        duration_seconds=452,
        model="claude-sonnet-4-5",
        usage=Usage(input_tokens=5210, output_tokens=2890, cache_read_tokens=61_300),
        cost_usd=0.0872,
    )
    core.message(
        "manager",
        OPERATOR,
        "The report compared local times and lost the hour of the clock change. `worker` fixed it and all 214 tests "
        "pass. **Shall it open the change for review?**",
        in_reply_to="msg_1",
        sent_at=ago(3),
    )
    core.message(OPERATOR, "worker", "Yes, open it. And check `parse_range` for the same mistake.", sent_at=ago(1.2))
    core.change("worker", AgentState.THINKING, since=ago(1))
    core.begin_turn("worker", "turn_3", started_at=ago(1), messages=["msg_5"])
    core.emit(
        EventKind.TEXT,
        "worker",
        turn_id="turn_3",
        at=ago(0.9),
        text="Opening the change, then `parse_range`.",
    )
    push = ToolCall(id="toolu_31", name="Bash", input={"command": "git push -u origin utc-windows"})
    core.emit(EventKind.TOOL_CALL, "worker", turn_id="turn_3", at=ago(0.8), tool_call=push)
    core.change(
        "migrations",
        AgentState.FAILED,
        since=ago(12),
        reason="Its container ended with exit code 137: out of memory (limit 2 GiB).",
    )
