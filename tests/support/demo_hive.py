"""A hive at work, for the screenshots: what an operator sees on an ordinary day."""

from datetime import datetime, timedelta

from hive_rpc.accounts import (
    Account,
    AccountKind,
    AccountState,
    Caps,
    EgressEntry,
    Hold,
    HoldKind,
    LimitWindow,
    Raise,
    Scope,
    ScopedCaps,
    Spend,
    Verdict,
)
from hive_rpc.configuration import (
    ApplyConfigPayload,
    Approval,
    ApprovalKind,
    ApprovalState,
    Commit,
    Job,
    JobKind,
    JobState,
    JobStep,
    SpawnPayload,
    Tombstone,
)
from hive_rpc.dialogue import Question, QuestionState, Reminder, ReminderState
from hive_rpc.interfaces.operator.accounts import AccountStatus
from hive_rpc.interfaces.operator.configuration import Input
from hive_rpc.interfaces.operator.events import AgentToday, TurnStats, TurnStatsReply
from hive_rpc.interfaces.operator.files import FileEntry, FileKind
from hive_rpc.interfaces.operator.hive import Check
from hive_rpc.interfaces.operator.messages import DeadLetter
from hive_rpc.interfaces.operator.people import AuditRow, OperatorAccount, SignedInSession
from hive_rpc.interfaces.operator.spending import SpendingReply
from hive_rpc.logs import LogLine
from hive_rpc.types import (
    OPERATOR,
    AgentState,
    ContainerState,
    EventKind,
    Message,
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


CONFIG_DIFF = """\
diff --git a/agent.toml b/agent.toml
--- a/agent.toml
+++ b/agent.toml
@@ -1,4 +1,4 @@
-model = "claude-sonnet-4-5"
+model = "claude-opus-4-5"
 egress = ["github.com:443", "*.pypi.org:443"]

 [limits]
"""


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
    core.emit(
        EventKind.NOTICE,
        "worker",
        text="Going on costs least: $0.06 against $0.11 for compacting.",
        decision={"chosen": "continue", "costs": {"continue": 0.06, "compact": 0.11, "fresh": 0.14}},
        at=ago(1),
    )
    core.change(
        "migrations",
        AgentState.FAILED,
        since=ago(12),
        reason="Its container ended with exit code 137: out of memory (limit 2 GiB).",
    )

    _desk(core)


def _desk(core: FakeCore) -> None:
    """What the other pages show of the same day."""
    now = core.clock.now()

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    desk = core.desk
    desk.today = [
        AgentToday(agent="manager", turns=14, cost_usd=0.82, context_tokens=41_200),
        AgentToday(agent="worker", turns=31, cost_usd=2.37, context_tokens=118_300),
        AgentToday(agent="docs", turns=9, cost_usd=0.44, context_tokens=72_000),
        AgentToday(agent="migrations", turns=3, cost_usd=0.12, context_tokens=160_400),
    ]
    question = {"addressee": "operator", "state": QuestionState.OPEN, "expires_at": now + timedelta(hours=20)}
    desk.questions = [
        Question(
            id="qst_1",
            asker="worker",
            question="`parse_range` has the same mistake. Fix it **in the same change**, or in one of its own?",
            options=["In the same change", "In one of its own", "Leave it for now"],
            asked_at=ago(9),
            **question,
        ),
        Question(
            id="qst_2",
            asker="docs",
            question="Which version number will the release have? I need it for the title page.",
            asked_at=ago(52),
            **question,
        ),
    ]
    desk.approvals = [
        Approval(
            id="apr_1",
            kind=ApprovalKind.APPLY_CONFIG,
            agent="worker",
            state=ApprovalState.PENDING,
            reason="`worker` runs out of context on long reviews. A larger window costs little more here.",
            requested_by="manager",
            requested_at=ago(6),
            expires_at=now + timedelta(days=2),
            apply_config=ApplyConfigPayload(sha="3f" * 20, base="9b" * 20),
        ),
        Approval(
            id="apr_0",
            kind=ApprovalKind.SPAWN,
            agent="night-shift",
            state=ApprovalState.DEPLOYED,
            reason="Somebody to watch the nightly builds.",
            requested_by="manager",
            requested_at=ago(60 * 26),
            expires_at=ago(60 * 2),
            decided_by="ada",
            decided_at=ago(60 * 25),
            note="Good idea.",
            spawn=SpawnPayload(sha="1a" * 20),
        ),
    ]
    desk.diff = CONFIG_DIFF
    desk.warnings = ["It may spend more: the model costs 5 times as much for each token."]
    desk.jobs = [
        Job(
            id="job_1",
            kind=JobKind.REBUILD,
            agent="docs",
            state=JobState.RUNNING,
            step=JobStep.SWITCH,
            approval="apr_0",
            requested_by="ada",
            requested_at=ago(1),
            started_at=ago(0.9),
        ),
        Job(
            id="job_2",
            kind=JobKind.RESTART,
            agent="worker",
            state=JobState.WAITING,
            step=JobStep.BEGIN,
            requested_by="manager",
            requested_at=ago(0.5),
        ),
        Job(
            id="job_0",
            kind=JobKind.SPAWN,
            agent="night-shift",
            state=JobState.DONE,
            step=JobStep.BEGIN,
            requested_by="ada",
            requested_at=ago(60 * 25),
            ended_at=ago(60 * 24.9),
        ),
    ]
    desk.job_log = "Applying 3f3f3f3f3f3f.\nDraining docs, then switching it.\n"
    desk.letters = [
        DeadLetter(
            message=Message(
                id="msg_9",
                sender="manager",
                recipient="migrations",
                body="Please apply the migration of the invoices on the copy, and tell me how long it takes.",
                sent_at=ago(40),
                attempts=5,
            ),
            reason="Its container ended while it worked on it.",
            died_at=ago(12),
        )
    ]
    desk.reminders = [
        Reminder(
            id="rem_1",
            agent="manager",
            message="Ask everybody for their notes of the day.",
            state=ReminderState.PENDING,
            created_at=ago(600),
            due_at=now + timedelta(hours=3),
            every_seconds=86400,
            deliveries=8,
        ),
        Reminder(
            id="rem_2",
            agent="worker",
            message="Look at the nightly build.",
            state=ReminderState.FAILED,
            created_at=ago(900),
            due_at=ago(300),
            error="worker was stopped.",
        ),
    ]
    desk.files = {
        "state/notes.md": b"# Notes\n\n* the report is computed in `billing/window.py`\n* tests: `pytest -q`\n",
        "state/plans/october.md": b"soon",
        "claude/projects/one.jsonl": b"{}\n",
        "shared/report.pdf": b"%PDF-1.7\0\0",
    }
    desk.entries = [FileEntry(name="latest", kind=FileKind.LINK, readable=False)]
    desk.log = [
        LogLine(at=ago(5 - n / 10), source=source, priority=priority, text=text)
        for n, (source, priority, text) in enumerate(
            [
                ("systemd", 6, "Reached target multi-user.target - Multi-User System."),
                ("hive-agent", 6, "Said hello as instance ins_01m7w5e95ardtk."),
                ("hive-agent", 6, "Turn turn_3 begins: a message from operator."),
                ("hive-agent", 4, "The API answered 529; trying again in 5 s."),
                ("hive-agent", 3, "The runner ended with exit code 1."),
                ("hive-agent", 6, "The runner is ready again."),
            ]
        )
    ]
    desk.config = (
        'model = "claude-sonnet-4-5"\negress = ["github.com:443", "*.pypi.org:443"]\n\n[limits]\nmemory_mib = 4096\n'
    )
    desk.checks = [
        Check(name="gateway", ok=True, detail="Anthropic API"),
        Check(name="database core", ok=True, detail="ok"),
        Check(name="agent worker", ok=True, detail="thinking"),
        Check(
            name="agent migrations",
            ok=False,
            detail="failed: Its container ended with exit code 137: out of memory (limit 2 GiB).",
            remedy="Read `hive logs migrations`, then `hive restart migrations`.",
        ),
        Check(name="disk", ok=True, detail="61.2 GiB free below /var/lib/hive"),
    ]
    cap = Hold(
        kind=HoldKind.CAP,
        scope=Scope.AGENT,
        name="docs",
        reason="$0.44 of the $0.40 that docs may spend today are spent",
        until=now + timedelta(hours=6),
    )
    desk.spending = SpendingReply(
        spending=[
            Spend(scope=Scope.HIVE, hour_usd=0.61, day_usd=3.75, day_tokens=2_840_000, requests=212),
            Spend(scope=Scope.ACCOUNT, name="default", hour_usd=0.61, day_usd=3.75, day_tokens=2_840_000, requests=212),
            Spend(scope=Scope.AGENT, name="worker", hour_usd=0.4, day_usd=2.37, day_tokens=1_900_000, requests=130),
            Spend(scope=Scope.AGENT, name="docs", day_usd=0.44, day_tokens=310_000, requests=28),
        ],
        caps=[
            ScopedCaps(scope=Scope.HIVE, caps=Caps(hour_usd=5, day_usd=40)),
            ScopedCaps(scope=Scope.AGENT, name="worker", caps=Caps(turn_usd=1, day_usd=2.5, day_tokens=2_500_000)),
            ScopedCaps(scope=Scope.AGENT, name="docs", caps=Caps(day_usd=0.4)),
        ],
        raises=[Raise(scope=Scope.AGENT, name="worker", usd=2, until=now + timedelta(hours=6))],
        holds=[cap],
    )
    core.holds = [cap]
    _offices(core)
    desk.audit = [
        AuditRow(id=9, at=ago(1.2), who="ada", via="web.sock", action="send", target="worker", outcome="done"),
        AuditRow(
            id=8,
            at=ago(34),
            who="ada",
            via="web.sock",
            action="sign_in",
            target="ada",
            outcome="done",
            details={"means": "password", "address": "203.0.113.7"},
        ),
        AuditRow(id=7, at=ago(90), who="root", via="operator.sock", action="spawn", target="docs", outcome="done"),
    ]
    desk.operators = [
        OperatorAccount(name="ada", role=Role.ADMIN, has_password=True, created_at=ago(60 * 24 * 9)),
        OperatorAccount(name="vic", role=Role.VIEWER, has_password=False, created_at=ago(60 * 24)),
    ]
    session = {"means": "password", "created_at": ago(300), "expires_at": now + timedelta(days=13)}
    desk.signed_in = [
        SignedInSession(id="ses_1", operator="ada", address="203.0.113.7", seen_at=ago(0), current=True, **session),
        SignedInSession(id="ses_2", operator="vic", address="198.51.100.4", seen_at=ago(70), current=False, **session),
    ]
    desk.stats = _stats(now)


def _offices(core: FakeCore) -> None:
    """Accounts, the way out, what the agents run with, and who is gone."""
    now = core.clock.now()

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    desk = core.desk
    desk.accounts = [
        AccountStatus(
            account=Account(
                name="default",
                kind=AccountKind.SUBSCRIPTION,
                limits=[
                    LimitWindow(name="five_hour", utilization=0.87, resets_at=ago(-74), status="allowed_warning"),
                    LimitWindow(name="seven_day", utilization=0.31, resets_at=ago(-60 * 96), status="allowed"),
                ],
            ),
            agents=["manager", "worker", "docs"],
        ),
        AccountStatus(
            account=Account(
                name="nightly",
                kind=AccountKind.API_KEY,
                state=AccountState.NEEDS_LOGIN,
                reason="The API refuses its key: invalid x-api-key.",
                base_url="https://models.example.org",
            ),
            agents=["night-shift"],
        ),
    ]
    connection = {"agent": "worker", "port": 443}
    desk.egress = [
        EgressEntry(
            id=3, at=ago(0.6), host="github.com", verdict=Verdict.ALLOWED, address="140.82.121.4",
            sent=18_200, received=1_204_000, seconds=2.4, **connection,
        ),
        EgressEntry(
            id=2, at=ago(14), host="169.254.169.254", verdict=Verdict.REFUSED,
            detail="169.254.169.254:443 is not in the egress of worker", **connection,
        ),
        EgressEntry(
            id=1, at=ago(27), host="files.pypi.org", verdict=Verdict.FAILED,
            detail="it did not answer within 10 s", **connection,
        ),
    ]  # fmt: skip
    desk.commits = [
        Commit(sha="3f" * 20, at=ago(6), author="manager", subject="Think with the larger model",
               tags=["proposal/apr_1"]),
        Commit(sha="9b" * 20, at=ago(60 * 26), author="ada", subject="Let it reach GitHub and PyPI",
               tags=["approved/apr_0", "deployed/apr_0", "proposal/apr_0"]),
        Commit(sha="1a" * 20, at=ago(60 * 24 * 9), author="hive", subject="As it was spawned"),
    ]  # fmt: skip
    desk.inputs = [
        Input(name="nixpkgs", url="github:NixOS/nixpkgs/nixos-26.05", revision="c4" * 20,
              modified_at=ago(60 * 24 * 12)),
        Input(name="agent-worker", url="git+file:///var/lib/hive/applied/worker?ref=main", revision="9b" * 20,
              modified_at=ago(60 * 26)),
        Input(name="hive", url="path:/etc/hive/flake"),
    ]  # fmt: skip
    desk.tombstones = [Tombstone(agent="scout", destroyed_at=ago(60 * 50), destroyed_by="ada", sha="7e" * 20)]


def _stats(now: datetime) -> TurnStatsReply:
    """A day with a quiet night, a busy afternoon and an hour in which the API was overloaded."""
    turns = [1, 0, 0, 1, 0, 0, 2, 3, 5, 8, 6, 7, 4, 9, 12, 11, 8, 6, 7, 4, 3, 2, 1, 1]
    failed = [4 if hour == 14 else 1 if hour in (9, 17) else 0 for hour in range(24)]
    buckets = [
        TurnStats(
            since=now - timedelta(hours=24 - hour),
            turns=count + bad,
            usage=Usage(input_tokens=800 * count, output_tokens=400 * count, cache_read_tokens=9000 * count),
            cost_usd=0.042 * count,
            outcomes={"ok": count} | ({"overloaded": bad} if bad else {}),
        )
        for hour, (count, bad) in enumerate(zip(turns, failed, strict=True))
    ]
    total = TurnStats(
        since=now - timedelta(hours=24),
        turns=sum(turns) + sum(failed),
        usage=Usage(input_tokens=80_800, output_tokens=40_400, cache_read_tokens=909_000, cache_creation_tokens=51_000),
        cost_usd=4.24,
        p50_seconds=12.4,
        p95_seconds=184,
        outcomes={"ok": sum(turns), "overloaded": 6},
        wake_reasons={"message": 84, "reminder": 17, "start": 2},
        tools={"Bash": 212, "Read": 148, "Edit": 66, "mcp__hive__send": 41, "Grep": 38},
    )
    return TurnStatsReply(total=total, buckets=buckets)
