"""Moments and durations in words. `static/times.js` has the same words, and a test compares the two."""

from datetime import UTC, datetime

_STEPS = ((86400, "d"), (3600, "h"), (60, "min"))


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def absolute(moment: datetime) -> str:
    """For a tooltip; the browser replaces it by its own time zone's."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def relative(moment: datetime, now: datetime) -> str:
    """`just now`, `5 min ago`, `in 2 h`."""
    seconds = (now - moment).total_seconds()
    for size, unit in _STEPS:
        if abs(seconds) >= size:
            count = int(abs(seconds) // size)
            return f"{count} {unit} ago" if seconds > 0 else f"in {count} {unit}"
    return "just now" if seconds > -5 else "in a moment"


def right_until(moment: datetime, now: datetime) -> float:
    """When `relative` says something else than now, in seconds since the epoch."""
    seconds = (now - moment).total_seconds()
    step = next((size for size, _ in _STEPS if abs(seconds) >= size), 60)
    if seconds > -5:
        left = step - seconds % step if seconds > 0 else step - seconds
    else:
        left = -seconds % step if -seconds >= step else -seconds - 5
    return now.timestamp() + left


def duration(seconds: float) -> str:
    """`340 ms`, `4.2 s`, `1 min 12 s`, `2 h 5 min`, `1 d`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return _two(minutes, "min", rest, "s")
    hours, minutes = divmod(minutes, 60)
    return _two(hours, "h", minutes, "min") if hours < 24 else _two(hours // 24, "d", hours % 24, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit}" + (f" {small} {small_unit}" if small else "")


def clock(moment: datetime) -> str:
    """For a log: the time of day, in UTC."""
    return moment.astimezone(UTC).strftime("%m-%d %H:%M:%S")


def size(number: int) -> str:
    """`950 B`, `12.3 KiB`, `4.0 MiB`."""
    amount = float(number)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def count(number: int) -> str:
    """`950`, `12.3k`, `1.2M`."""
    if number < 1000:
        return str(number)
    if number < 999_950:
        return f"{number / 1000:.1f}k"
    return f"{number / 1_000_000:.1f}M"
