"""The schemas: numbered `.sql` files, a folder per database; the last one applied is in `PRAGMA user_version`.

The first file of a folder is a whole schema, the others change it. What was before the first is not carried over.
"""

import sqlite3
from importlib import resources

from hive_rpc.errors import StorageError


def migrations(schema: str) -> dict[int, str]:
    """The migrations of a database by number, in order. `0018_schema.sql` is number 18."""
    folder = resources.files("hive_core.store").joinpath("migrations", schema)
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    found = {int(f.name.split("_", 1)[0]): f.read_text(encoding="utf-8") for f in files}
    if len(found) != len(files):
        raise ValueError(f"two migrations of {schema} have the same number")
    return found


def migrate(connection: sqlite3.Connection, schema: str) -> None:
    """Bring the schema up to date, each migration in a transaction of its own together with its number.

    Raises StorageError when the database was written by a newer Hive, or by one from before the first migration.
    """
    known = migrations(schema)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > max(known):
        raise StorageError(
            f"The {schema} database was written by a newer Hive (schema {version}, this one knows {max(known)}).",
            hint="Start the newer version again, or restore the database from before the upgrade.",
        )
    if 0 < version < min(known):
        raise StorageError(
            f"The {schema} database is older than can be carried over (schema {version}, the oldest is {min(known)}).",
            hint="It is as it was. Begin with another state, or start a Hive that knows it.",
        )
    for number, script in known.items():
        if number > version:
            # executescript() commits what is open before it runs, so the transaction has to be part of the script.
            try:
                connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number:d};\nCOMMIT;")
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
