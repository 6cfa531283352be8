"""Tools for reminders: messages to one's later self."""

from datetime import datetime

from pydantic import AwareDatetime, Field

from hive_agent.tools.tool import Arguments, Harness, Tool, json_of
from hive_rpc.interfaces.agent import ListRemindersRequest, RemindRequest

_LONGEST = 366 * 86400


class Remind(Arguments):
    message: str = Field(min_length=1, description="What you will want to know then. 16 KiB at most.")
    in_seconds: float | None = Field(None, ge=0, le=_LONGEST)
    at: AwareDatetime | None = Field(None, description="RFC 3339 with a time zone, such as 2026-01-31T09:00:00Z.")
    every_seconds: float | None = Field(None, ge=60, le=_LONGEST, description="Again and again, until cancelled.")


async def _remind(harness: Harness, said: Remind) -> str:
    request = RemindRequest(
        message=said.message, in_seconds=said.in_seconds, at=said.at, every_seconds=said.every_seconds
    )
    reminder = (await harness.calls.remind(request)).reminder
    again = f", then every {reminder.every_seconds:g} seconds" if reminder.every_seconds else ""
    return f"Set as {reminder.id}, due at {_moment(reminder.due_at)}{again}."


class ListReminders(Arguments):
    all: bool = Field(False, description="Also those that were delivered, failed or cancelled.")


async def _list_reminders(harness: Harness, said: ListReminders) -> str:
    found = await harness.calls.list_reminders(ListRemindersRequest(all=said.all))
    return json_of(found) if found.reminders else "No reminders."


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


TOOLS: tuple[Tool[Remind] | Tool[ListReminders], ...] = (
    Tool(
        "remind",
        """Send yourself a message later; it wakes you. This is how you wait for something without staying awake.

Say when with `in_seconds` or `at`, within 366 days; with `every_seconds` (60 at least) it comes again and again. 100 of
yours can be pending, and one more can be set every 30 seconds, 20 at once.""",
        Remind,
        _remind,
    ),
    Tool("list_reminders", "Your reminders by due time, 200 at most.", ListReminders, _list_reminders, read_only=True),
)
