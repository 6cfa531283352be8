"""Logging, set up once per process: to the journal with fields where systemd started us, to stderr elsewhere."""

import logging
import os
import sys


class _PriorityFormatter(logging.Formatter):
    """systemd's `<N>` prefix (sd-daemon(3)), so that the journal knows each line's priority."""

    _LEVELS = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))

    def format(self, record: logging.LogRecord) -> str:
        priority = next((n for level, n in self._LEVELS if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def setup(level: int = logging.INFO) -> None:
    """Send this process's log to stderr, which systemd connects to the journal."""
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_PriorityFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
