"""`hive-agent`: tools for people who look into an agent. Each is imported only when it runs."""

import click

from hive_base.lazy_group import LazyGroup

_COMMANDS = {
    "classify": "hive_agent.classify.command:command",
    "simulate-policy": "hive_agent.policy.command:simulate",
    "make-trace": "hive_agent.policy.command:make_trace",
}


@click.group(cls=LazyGroup, where=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hive", prog_name="hive-agent")
def main() -> None:
    """Look into what an agent's harness does."""
