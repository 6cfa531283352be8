"""Whether memory is short: then an idle runner, which is held only to save time, is ended.

Pressure stall information: https://docs.kernel.org/accounting/psi.html
"""

from collections.abc import Sequence
from pathlib import Path

HIGH_PERCENT = 10.0
"""Of the last ten seconds, in which something waited for memory."""
FILES = (Path("/proc/pressure/memory"),)


def memory_is_short(files: Sequence[Path] = FILES) -> bool:
    """A kernel without the files has no opinion."""
    return any(_some_avg10(file) >= HIGH_PERCENT for file in files)


def _some_avg10(file: Path) -> float:
    try:
        words = file.read_text().split()
        return next(float(word.removeprefix("avg10=")) for word in words if word.startswith("avg10="))
    except (OSError, StopIteration, ValueError):
        return 0.0
