"""What commits have touched: there when the commit is, gone when it is undone, and no table forgotten."""

import sqlite3
from pathlib import Path

import pytest

from hive_core.store import Database
from hive_core.store.marks import Mark

MEMORY = {"agents", "commands", "wishes", "account_uses", "caps", "cap_raises", "stopped"}
"""What core shows of them it has in memory, and compares at each look."""
UNSHOWN = {
    "core": {
        "instances",
        "invites",
        "tombstones",
        "reminder_attempts",
        "job_lines",
        "declared",
        "job_askers",
        "approval_askers",
    },
    "events": {"event_bytes", "horizon"},
}


@pytest.mark.parametrize("schema", ["core", "events"])
async def test_every_table_is_watched_or_is_not_shown(tmp_path: Path, schema: str) -> None:
    """A table that is new is put here by somebody who has thought of it."""

    def tables(connection: sqlite3.Connection) -> tuple[set[str], set[str]]:
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        watched = connection.execute("SELECT tbl_name FROM sqlite_temp_master WHERE type = 'trigger'")
        return {r[0] for r in connection.execute(named)}, {r[0] for r in watched}

    async with Database(tmp_path / "d.sqlite", schema) as database:
        every, watched = await database.write(tables)
    words = {name for name in every if name.startswith("message_words")}
    assert every - words - watched - UNSHOWN[schema] - MEMORY == set()


async def test_a_mark_is_there_when_the_commit_is_and_not_when_it_is_undone(tmp_path: Path) -> None:
    add = "INSERT INTO notes (agent, text, at) VALUES ('ada', 'x', 1)"

    def broken(connection: sqlite3.Connection) -> None:
        connection.execute(add)
        raise ValueError("no")

    async with Database(tmp_path / "core.sqlite", "core") as database:
        database.marks.take()
        with pytest.raises(ValueError, match="no"):
            await database.write(broken)
        assert database.marks.take() == set()
        count, other = database.marks.count("notes", "ada"), database.marks.count("notes", "bob")
        await database.write(lambda c: c.execute(add).rowcount)
        assert database.marks.count("notes", "ada") == count + 1
        assert database.marks.count("notes", "bob") == other
        taken = database.marks.take()
        assert taken == {Mark("notes", "ada")}
        assert database.marks.take() == set()
        database.marks.give_back(taken)
        assert database.marks.take() == taken
