"""`hive-agent`: tools for people who look into an agent."""

import click


@click.group()
@click.version_option(package_name="hive")
def main() -> None:
    """Look into what an agent's harness does."""
