"""Names of units as parts of D-Bus object paths (sd_bus_path_encode(3))."""

import re

UNITS = "/org/freedesktop/systemd1/unit"


def unit_path(unit: str) -> str:
    """`a-b.service` is `/org/freedesktop/systemd1/unit/a_2db_2eservice`."""
    first, rest = unit[:1], unit[1:]
    # A label may not begin with a digit, though one may follow.
    head = first if first.isascii() and first.isalpha() else _escaped(first)
    return f"{UNITS}/{head}{re.sub('[^A-Za-z0-9]', lambda m: _escaped(m[0]), rest)}"


def unit_name(path: str) -> str | None:
    """The unit at an object path; None when it is not the path of a unit."""
    folder, _, label = path.rpartition("/")
    if folder != UNITS or not label:
        return None
    return re.sub("_([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), label)


def _escaped(character: str) -> str:
    return "".join(f"_{byte:02x}" for byte in character.encode())
