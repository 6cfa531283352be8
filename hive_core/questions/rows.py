"""Questions as rows, as models, and in the words in which an agent reads them."""

import json
import sqlite3

from hive_core.broker import sending
from hive_core.store import Queries, from_ms
from hive_rpc.dialogue import Question, QuestionState
from hive_rpc.errors import NotFoundError
from hive_rpc.types import SYSTEM, Message

SQL = Queries("hive_core.questions")


def get(connection: sqlite3.Connection, question_id: str) -> Question:
    row = connection.execute(SQL.get, {"id": question_id}).fetchone()
    if row is None:
        raise NotFoundError(
            f"There is no question {question_id}.",
            hint="`hive questions`, or an agent's loose_ends, lists the open ones.",
        )
    return question(row)


def question(row: sqlite3.Row) -> Question:
    return Question(
        id=row["id"],
        asker=row["asker"],
        addressee=row["addressee"],
        question=row["question"],
        options=json.loads(row["options"]),
        multi=bool(row["multi"]),
        state=QuestionState(row["state"]),
        asked_at=from_ms(row["asked_at"]),
        expires_at=from_ms(row["expires_at"]),
        answer=row["answer"],
        choices=json.loads(row["choices"]),
        resolved_by=row["resolved_by"],
        resolved_at=from_ms(row["resolved_at"]) if row["resolved_at"] is not None else None,
    )


def put(connection: sqlite3.Connection, asked: Question, now_ms: int) -> list[Message]:
    """Bring a question to the agent it is for, as a message from its asker."""
    lines = [f"Question {asked.id}: {asked.question}"]
    if asked.options:
        lines += ["", "Several of these can be chosen:" if asked.multi else "One of these is to be chosen:"]
        lines += [f"- {option}" for option in asked.options]
    lines += ["", f"Reply with the tool `answer` and the id {asked.id}."]
    return _store(connection, asked.asker, asked.addressee, "\n".join(lines), asked.id, now_ms)


def resolve(
    connection: sqlite3.Connection,
    open_one: Question,
    state: QuestionState,
    now_ms: int,
    *,
    by: str,
    answer: str | None = None,
    choices: list[str] | None = None,
) -> list[Message]:
    """End an open question, and tell its asker by a message, in one transaction."""
    words = {
        QuestionState.ANSWERED: f"was answered by {by}",
        QuestionState.EXPIRED: f"had no answer from {open_one.addressee} in time; do not wait for it any longer",
        QuestionState.CANCELLED: f"was cancelled by {by}; there will be no answer",
    }[state]
    said = [", ".join(choices or []), answer or ""]
    body = f"Your question {open_one.id} ({_beginning(open_one.question)}) {words}."
    body += "".join(f"\n\n{part}" for part in said if part)
    told = _store(connection, SYSTEM, open_one.asker, body, f"{open_one.id}/end", now_ms)
    connection.execute(
        SQL.resolve,
        {
            "id": open_one.id,
            "state": state,
            "answer": answer,
            "choices": json.dumps(choices or []),
            "by": by,
            "now": now_ms,
            "notice": told[0].id if told else None,
        },
    )
    return told


def _beginning(text: str) -> str:
    line = text.strip().splitlines()[0]
    return line if len(line) <= 80 else f"{line[:79]}…"


def _store(connection: sqlite3.Connection, sender: str, to: str, body: str, key: str, now_ms: int) -> list[Message]:
    draft = sending.Draft(
        sender=sender, recipients=(to,), body=body, key=key, in_reply_to=None, automatic=False, broadcast=False
    )
    return list(sending.store(connection, draft, now_ms).messages)
