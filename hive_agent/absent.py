"""Modules that are there in name alone, for libraries that import more than what is used of them here."""

import sys
import types
from collections.abc import Iterable


class _Nothing:
    """What can be named as a type, and inherited from."""


class Absent(types.ModuleType):
    """A module from which everything can be imported, and nothing used."""

    def __getattr__(self, name: str) -> type[_Nothing]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


def leave_out(names: Iterable[str]) -> None:
    """To be called before anything imports them. Of a package, each module that is imported by its name counts."""
    for name in names:
        sys.modules[name] = Absent(name)
