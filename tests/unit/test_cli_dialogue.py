"""The commands for what was said and is left open, against a real server with a scripted core behind it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hive_rpc.dialogue import (
    FoundMessages,
    LooseEndsReply,
    Question,
    QuestionState,
    Reminder,
    ReminderCounts,
    ReminderRollupReply,
    RemindersReply,
    ReminderState,
)
from hive_rpc.errors import ConflictError
from hive_rpc.interfaces.operator.dialogue import AgentReminderReply, OperatorQuestionReply, QuestionsReply
from hive_rpc.interfaces.operator.messages import CountReply, DeadLetter, DeadLettersReply, MessagesReply
from hive_rpc.types import Message
from tests.support.shell import Shell, scripted_shell

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MESSAGE = Message(id="msg_1", sender="worker", recipient="writer", body="the \x1b[31mneedle", sent_at=NOW)
QUESTION = Question(
    id="que_1",
    asker="worker",
    addressee="operator",
    question="Which?",
    options=["red", "blue"],
    state=QuestionState.OPEN,
    asked_at=NOW,
    expires_at=NOW,
)
REMINDER = Reminder(
    id="rem_1", agent="worker", message="look", state=ReminderState.FAILED, created_at=NOW, due_at=NOW, error="gone"
)


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    async with scripted_shell(tmp_path) as shell:
        yield shell


async def test_dead_letters_are_listed_with_the_reason_and_sent_again_or_dropped(shell: Shell) -> None:
    letter = DeadLetter(message=MESSAGE, reason="the turn failed", died_at=NOW)
    shell.core.answers["dead_letters"] = DeadLettersReply(letters=[letter], more=True)
    shell.core.answers["resend_dead_letters"] = CountReply(count=1)
    shell.core.answers["drop_dead_letters"] = CountReply(count=3)
    listed = await shell.hive("dead-letters", "--agent", "writer")
    assert "the turn failed" in listed.stdout
    assert "--before msg_1" in listed.stdout
    assert "\x1b" not in listed.stdout
    assert (await shell.hive("dead-letters", "resend", "msg_1")).stdout == "1 sent again.\n"
    assert shell.asked("resend_dead_letters").ids == ["msg_1"]
    assert (await shell.hive("dead-letters", "drop", "--all")).stdout == "3 dropped.\n"
    assert shell.asked("drop_dead_letters").all


async def test_a_question_is_shown_with_its_options_and_answered(shell: Shell) -> None:
    shell.core.answers["questions"] = QuestionsReply(questions=[QUESTION])
    shell.core.answers["answer_question"] = OperatorQuestionReply(question=QUESTION)
    listed = (await shell.hive("questions", "--to", "operator")).stdout
    assert "worker asks operator, open until" in listed
    assert "( ) red" in listed
    done = await shell.hive("questions", "answer", "que_1", "-", "--choose", "red", stdin="because")
    assert done.stdout == "worker has been told.\n"
    asked = shell.asked("answer_question")
    assert (asked.id, asked.answer, asked.choices) == ("que_1", "because", ["red"])


async def test_a_question_that_has_ended_cannot_be_cancelled(shell: Shell) -> None:
    shell.core.answers["cancel_question"] = ConflictError("The question que_1 was answered already.")
    done = await shell.hive("questions", "cancel", "que_1")
    assert done.exit_code == 1
    assert "answered already" in done.stderr


async def test_reminders_are_listed_counted_and_tried_again(shell: Shell) -> None:
    shell.core.answers["reminders"] = RemindersReply(reminders=[REMINDER])
    shell.core.answers["retry_reminder"] = AgentReminderReply(reminder=REMINDER)
    counts = ReminderCounts(agent="worker", attempted=3, delivered=2, failed=1)
    shell.core.answers["reminder_rollup"] = ReminderRollupReply(since=NOW, agents=[counts])
    assert "failed: gone" in (await shell.hive("reminders", "--all")).stdout
    assert (await shell.hive("reminders", "retry", "rem_1")).stdout == "rem_1 of worker is due now.\n"
    assert "worker   3" in (await shell.hive("reminders", "rollup", "--hours", "1")).stdout
    assert shell.asked("reminder_rollup").since_seconds == 3600


async def test_threads_searches_and_conversations_are_printed_like_messages(shell: Shell) -> None:
    found = FoundMessages(messages=[MESSAGE], cursor="msg_1")
    shell.core.answers |= {"thread": found, "search": found}
    shell.core.answers["conversation"] = MessagesReply(messages=[MESSAGE], more=False)
    for words in (("thread", "msg_1"), ("search", "the", "need"), ("messages", "worker", "--with", "writer")):
        assert "worker -> writer  msg_1" in (await shell.hive(*words)).stdout
    assert shell.asked("search").query == "the need"
    assert json.loads((await shell.hive("thread", "msg_1", "--json")).stdout)["cursor"] == "msg_1"
    assert (await shell.hive("messages", "--with", "writer")).exit_code == 2


async def test_loose_ends_are_sentences(shell: Shell) -> None:
    ends = LooseEndsReply(asked=[QUESTION], owed=[], reminders=[REMINDER], unread=2)
    shell.core.answers["loose_ends"] = ends
    done = await shell.hive("loose-ends", "worker")
    assert done.stdout.splitlines() == [
        "Messages that wait for worker: 2",
        "worker has asked operator: Which?  (que_1)",
        "worker will be reminded: look  (rem_1)",
    ]
