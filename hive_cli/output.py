"""What a person or a program reads: tables and lines, or JSON. Nothing an agent wrote can steer the terminal."""

import re
import sys
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hive_rpc.types import Model

# C0 and C1 controls but tab and newline, and the bidirectional overrides: with them a log line or a message could
# move the cursor, retitle the window, or show a text in another order than it has.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_WIDE = 200


def harmless(text: str) -> str:
    """The text with its control characters spelled out."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\r\n", "\n"))


def as_json(model: Model, *, indent: int | None = 2) -> str:
    """The exact dump of what came over the wire; control characters escaped, which in JSON changes nothing."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", model.model_dump_json(indent=indent))


def console() -> Console:
    """Standard output: colours and the terminal's width on a terminal, plain and wide lines elsewhere."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(width=_WIDE, highlight=False, no_color=True)


def say(text: str) -> None:
    """A sentence or an agent's words on standard output, unwrapped."""
    sys.stdout.write(harmless(text) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Something beside the result, on standard error."""
    sys.stderr.write(harmless(text) + "\n")
    sys.stderr.flush()


def words(text: str | None, style: str = "") -> Text:
    """A table cell: never read as markup."""
    return Text(harmless(text or "-"), style=style)


def table(*columns: str) -> Table:
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def ago(moment: datetime, now: datetime) -> str:
    """How long since, in the largest unit that fits: `5s`, `12m`, `3h`, `4d`."""
    return duration((now - moment).total_seconds())


def duration(seconds: float) -> str:
    whole = max(0, int(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def local(moment: datetime) -> str:
    """A moment in the reader's own time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def zoned(moment: datetime) -> str:
    """The same in a sentence, which is read on its own: with the name of the zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}"
