"""SQLite as core keeps it: WAL, every commit on disk before it is acknowledged, commits shared by those who wait."""

from hive_core.store.database import Database
from hive_core.store.queries import Queries
from hive_core.store.times import from_ms, to_ms

__all__ = ["Database", "Queries", "from_ms", "to_ms"]
