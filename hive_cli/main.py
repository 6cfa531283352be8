"""The program `hive`. Each command's module is imported only when that command runs, so that start-up stays fast."""

import click

from hive_base.lazy_group import LazyGroup

COMMANDS = {
    "up": "hive_cli.up.command:up",
    "down": "hive_cli.up.command:down",
    "status": "hive_cli.commands.status:status",
    "send": "hive_cli.commands.send:send",
    "messages": "hive_cli.commands.messages:messages",
    "thread": "hive_cli.commands.reading:thread",
    "search": "hive_cli.commands.reading:search",
    "questions": "hive_cli.commands.questions:questions",
    "reminders": "hive_cli.commands.reminders:reminders",
    "loose-ends": "hive_cli.commands.reading:loose_ends",
    "dead-letters": "hive_cli.commands.dead_letters:dead_letters",
    "spawn": "hive_cli.commands.agents:spawn",
    "start": "hive_cli.commands.agents:start",
    "stop": "hive_cli.commands.agents:stop",
    "restart": "hive_cli.commands.agents:restart",
    "destroy": "hive_cli.commands.destroy:destroy",
    "revive": "hive_cli.commands.remains:revive",
    "approvals": "hive_cli.commands.approvals:approvals",
    "deploys": "hive_cli.commands.deploys:deploys",
    "config": "hive_cli.commands.config:config",
    "inputs": "hive_cli.commands.inputs:inputs",
    "cancel": "hive_cli.commands.commands:cancel",
    "compact": "hive_cli.commands.commands:compact",
    "new-session": "hive_cli.commands.commands:new_session",
    "model": "hive_cli.commands.commands:model",
    "effort": "hive_cli.commands.commands:effort",
    "pause": "hive_cli.commands.commands:pause",
    "resume": "hive_cli.commands.commands:resume",
    "wake": "hive_cli.commands.commands:wake",
    "stats": "hive_cli.commands.stats:stats",
    "logs": "hive_cli.commands.logs:logs",
    "doctor": "hive_cli.commands.doctor:doctor",
    "operator": "hive_cli.commands.operators:operator",
    "audit": "hive_cli.commands.audit:audit",
    "account": "hive_cli.commands.accounts:account",
    "spending": "hive_cli.commands.spending:spending",
    "caps": "hive_cli.commands.spending:caps",
    "stop-all": "hive_cli.commands.spending:stop_all",
    "resume-all": "hive_cli.commands.spending:resume_all",
    "egress": "hive_cli.commands.egress:egress",
}


@click.group(
    cls=LazyGroup,
    where=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="hive", prog_name="hive")
def cli() -> None:
    """Run a hive of AI coding agents, each in its own container.

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 timed out, 4 the hive is not reachable.
    """


def main() -> None:
    cli(prog_name="hive")
