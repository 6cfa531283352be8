"""The database under everything: what is acknowledged is stored, and one write's failure is its own."""

import asyncio
import json
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import hive_core
from hive_core.store import Database, Queries
from hive_core.store.migrations import migrate, migrations
from hive_rpc.errors import StorageError

QUERY_FILES = sorted(
    file.relative_to(Path(hive_core.__file__).parent).as_posix()
    for file in Path(hive_core.__file__).parent.rglob("*.sql")
    if "migrations" not in file.parts
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "state" / "core.sqlite", "core") as database:
        yield database


def insert(connection: sqlite3.Connection, name: str) -> int:
    return connection.execute(
        "INSERT INTO operators (name, role, created_at) VALUES (?, 'viewer', 0)", (name,)
    ).rowcount


def names(connection: sqlite3.Connection) -> list[str]:
    return [row["name"] for row in connection.execute("SELECT name FROM operators ORDER BY name")]


async def test_the_file_is_its_owners_alone(database: Database) -> None:
    await database.write(lambda c: insert(c, "ada"))
    for file in database.path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    assert stat.S_IMODE(database.path.parent.stat().st_mode) == 0o700


async def test_commits_wait_for_the_disk_and_references_are_checked(database: Database) -> None:
    pragmas = await database.write(
        lambda c: {p: c.execute(f"PRAGMA {p}").fetchone()[0] for p in ("synchronous", "journal_mode", "foreign_keys")}
    )
    assert pragmas == {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}


async def test_what_was_written_is_read_by_the_next_read(database: Database) -> None:
    assert await database.write(lambda c: insert(c, "ada")) == 1
    assert await database.read(names) == ["ada"]


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StorageError):
        await database.read(lambda c: insert(c, "ada"))


async def test_writes_that_arrive_together_share_a_commit(database: Database) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(database.write(lambda c, n=number: insert(c, f"a{n}")))
    assert len(await database.read(names)) == 200
    assert database.writes == 200
    assert database.commits < 100


async def test_a_write_that_fails_undoes_itself_alone(database: Database) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        insert(connection, "half")
        raise ValueError("no")

    results = await asyncio.gather(
        database.write(lambda c: insert(c, "ada")),
        database.write(fails),
        database.write(lambda c: insert(c, "bob")),
        database.write(lambda c: insert(c, "ada")),
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [int, ValueError, int, sqlite3.IntegrityError]
    assert await database.read(names) == ["ada", "bob"]


async def test_a_write_alone_that_fails_leaves_nothing_open(database: Database) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        insert(connection, "half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(fails)
    await database.write(lambda c: insert(c, "ada"))
    assert await database.read(names) == ["ada"]


async def test_a_full_disk_fails_the_write_in_words_and_the_next_one_works(database: Database) -> None:
    def limit_pages(connection: sqlite3.Connection, pages: int) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages:d}").fetchone()

    def large(connection: sqlite3.Connection) -> int:
        insert(connection, "big")
        return connection.execute("UPDATE operators SET password = hex(zeroblob(1000000))").rowcount

    # SQLite's own limit raises the same SQLITE_FULL as a file system without space.
    await database.write(lambda c: limit_pages(c, 1))
    with pytest.raises(StorageError, match="disk is full") as refused:
        await database.write(large)
    assert refused.value.hint
    await database.write(lambda c: limit_pages(c, 1_000_000))
    assert await database.write(large) == 1


async def test_a_lock_held_by_another_program_is_said_and_passes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(lambda c: c.execute("PRAGMA busy_timeout = 10").fetchone()[0])
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked by another program"):
        await database.write(lambda c: insert(c, "ada"))
    other.execute("ROLLBACK")
    other.close()
    await database.write(lambda c: insert(c, "ada"))
    assert await database.read(names) == ["ada"]


async def test_a_posted_write_tells_when_it_is_stored_and_logs_its_failure(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    stored: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    database.post(lambda c: insert(c, "ada"), stored.set_result)
    assert await stored == 1
    database.post(lambda c: insert(c, "ada"), stored.set_result)
    await database.write(lambda c: insert(c, "bob"))
    assert [r.levelname for r in caplog.records] == ["ERROR"]


async def test_a_cancelled_caller_hurts_nobody_else(database: Database) -> None:
    first = asyncio.ensure_future(database.write(lambda c: insert(c, "ada")))
    second = asyncio.ensure_future(database.write(lambda c: insert(c, "bob")))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 1
    assert "bob" in await database.read(names)


async def test_closing_commits_what_was_submitted(tmp_path: Path) -> None:
    path = tmp_path / "core.sqlite"
    database = Database(path, "core")
    await database.open()
    writing = [asyncio.ensure_future(database.write(lambda c, n=n: insert(c, f"a{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writing)
    async with Database(path, "core") as again:
        assert len(await again.read(names)) == 20
    with pytest.raises(StorageError, match="not open"):
        await database.write(names)


async def test_a_database_of_a_newer_hive_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "core.sqlite"
    async with Database(path, "core") as database:
        await database.write(lambda c: c.execute("PRAGMA user_version = 9999").fetchall())
    with pytest.raises(StorageError, match="newer Hive"):
        await Database(path, "core").open()


async def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "core.sqlite"
    path.write_bytes(b"not a database, whatever its name" * 100)
    with pytest.raises(StorageError, match="damaged"):
        await Database(path, "core").open()


async def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be opened"):
        await Database(tmp_path / "file" / "core.sqlite", "core").open()


@pytest.mark.parametrize("schema", ["core", "events"])
def test_a_migration_that_fails_leaves_the_version_before_it(schema: str) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE messages (x)" if schema == "core" else "CREATE TABLE turns (x)")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, schema)
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("schema", ["core", "events"])
def test_migrations_are_numbered_without_a_gap(schema: str) -> None:
    numbers = list(migrations(schema))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("schema", ["core", "events"])
def test_a_database_from_before_the_first_schema_is_refused_and_left_as_it_is(schema: str) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE old (x)")
    connection.execute("PRAGMA user_version = 1")
    with pytest.raises(StorageError, match="older than can be carried over") as refused:
        migrate(connection, schema)
    assert refused.value.hint
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("old",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


def test_a_database_with_an_older_schema_is_carried_over_with_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    last = max(migrations("core"))
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, "core")
    insert(connection, "ada")
    scripts = migrations("core") | {last + 1: "ALTER TABLE operators ADD COLUMN age INTEGER NOT NULL DEFAULT 36;"}
    monkeypatch.setattr("hive_core.store.migrations.migrations", lambda schema: scripts)
    migrate(connection, "core")
    migrate(connection, "core")
    assert connection.execute("SELECT name, age FROM operators").fetchall() == [("ada", 36)]
    assert connection.execute("PRAGMA user_version").fetchone() == (last + 1,)
    connection.close()


def test_a_turn_that_runs_when_its_database_is_carried_over_belongs_to_who_told_of_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripts = migrations("events")
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with monkeypatch.context() as before:
        before.setattr("hive_core.store.migrations.migrations", lambda schema: {2: scripts[2]})
        migrate(connection, "events")
    for agent, turn, ended_at in (("ada", "t1", None), ("ada", "t2", None), ("ada", "t3", 5), ("bob", "t1", None)):
        row = (agent, turn, ended_at)
        connection.execute("INSERT INTO turns (agent, id, started_at, ended_at, turn) VALUES (?, ?, 1, ?, '{}')", row)
    for sequence, (agent, turn) in enumerate([("ada", "t1"), ("ada", "t3"), ("bob", "t1")]):
        event = json.dumps({"kind": "turn_started", "turn": {"id": turn}})
        row = (agent, f"{agent}'s", sequence, event)
        connection.execute("INSERT INTO events (agent, instance, sequence, at, event) VALUES (?, ?, ?, 1, ?)", row)
    migrate(connection, "events")
    found = connection.execute("SELECT agent, id, instance FROM turns WHERE ended_at IS NULL").fetchall()
    assert found == [("ada", "t1", "ada's"), ("ada", "t2", None), ("bob", "t1", "bob's")]
    connection.close()


@pytest.mark.parametrize("file", QUERY_FILES)
def test_every_named_query_fits_the_schema(file: str) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, "events" if "event" in file else "core")
    *folders, name_of_file = file.split("/")
    for name, text in Queries(".".join(["hive_core", *folders]), name_of_file):
        try:
            connection.execute(f"EXPLAIN {text}", _Anything()).fetchall()
        except sqlite3.Error as error:
            pytest.fail(f"{file}: {name}: {error}")
    connection.close()


def test_a_query_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no query named nothing"):
        _ = Queries("hive_core.broker").nothing


class _Anything(dict[str, None]):
    def __missing__(self, key: str) -> None:
        return None
