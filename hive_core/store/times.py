"""Moments in the database: whole milliseconds since 1970 in UTC, which sort, compare and index as plain integers."""

from datetime import UTC, datetime


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def from_ms(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)
