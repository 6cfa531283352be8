"""`hive-agent`: tools for people who look into an agent. Each is imported only when it runs."""

import importlib
from collections.abc import Mapping

import click

_COMMANDS: Mapping[str, str] = {
    "classify": "hive_agent.classify.command:command",
    "simulate-policy": "hive_agent.policy.command:simulate",
    "make-trace": "hive_agent.policy.command:make_trace",
}


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = _COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, attribute = where.split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hive", prog_name="hive-agent")
def main() -> None:
    """Look into what an agent's harness does."""
