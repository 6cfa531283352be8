"""A group of commands whose modules are imported only when they run, so that start-up stays fast."""

import pkgutil
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """`where` has the `module:attribute` of each command, in the order in which they are listed."""

    def __init__(self, *, where: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self._where = where

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._where)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._where:
            return None
        command: click.Command = pkgutil.resolve_name(self._where[cmd_name])
        return command
