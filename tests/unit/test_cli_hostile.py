"""Whatever an agent wrote, and whatever core says of it: no command prints what a terminal would obey."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
import pytest

from hive_cli.main import cli
from hive_rpc.configuration import Commit
from hive_rpc.errors import ConflictError
from hive_rpc.interface import methods
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.configuration import ConfigLogReply, ConfigReply
from tests.support.hostile import ALL, CONTROLS, hostile
from tests.support.shell import Shell, scripted_shell

ID = "x_1"
COMMANDS: dict[str, list[str]] = {
    "status": [],
    "send": ["worker", "hi", "--wait"],
    "messages": ["worker"],
    "thread": [ID],
    "search": ["word"],
    "questions": [],
    "questions answer": [ID, "yes"],
    "questions cancel": [ID],
    "reminders": [],
    "reminders cancel": [ID],
    "reminders retry": [ID],
    "reminders rollup": [],
    "loose-ends": ["worker"],
    "dead-letters": [],
    "dead-letters drop": [ID],
    "dead-letters resend": [ID],
    "spawn": ["worker"],
    "start": ["worker"],
    "stop": ["worker"],
    "restart": ["worker"],
    "destroy": ["worker", "--yes"],
    "revive": [],
    "approvals": [],
    "approvals approve": [ID],
    "approvals cancel": [ID],
    "approvals deny": [ID],
    "approvals show": [ID],
    "deploys": [],
    "deploys cancel": [ID],
    "deploys show": [ID],
    "config": ["worker"],
    "inputs": [],
    "inputs update": [],
    "cancel": ["worker"],
    "compact": ["worker"],
    "new-session": ["worker"],
    "model": ["worker", "opus"],
    "effort": ["worker", "low"],
    "pause": ["worker"],
    "resume": ["worker"],
    "wake": ["worker"],
    "stats": [],
    "logs": ["worker"],
    "doctor": [],
    "operator invite": ["ann"],
    "operator list": [],
    "operator passwd": ["ann"],
    "operator token": ["ann"],
    "audit": [],
    "account add": ["spare", "--stand-in"],
    "account list": [],
    "account login": ["spare"],
    "account remove": ["spare"],
    "account use": ["worker"],
    "spending": [],
    "caps raise": ["hive", "--usd", "1"],
    "caps set": ["hive", "--day-usd", "1"],
    "stop-all": [],
    "resume-all": [],
    "egress log": [],
}
MORE = (["config", "worker", "log"], ["config", "worker", "diff"], ["revive", "worker"], ["questions", "--all"])
LOCAL = {"up", "down"}
"""They show nothing of an agent's."""


def named(group: click.Group, before: str = "") -> set[str]:
    """Every command that does something when it is typed."""
    found = set()
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            found |= named(command, f"{before}{name} ")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            found.add(f"{before}{name}")
    return found


def test_every_command_is_tried_here() -> None:
    assert named(cli) - LOCAL == set(COMMANDS)


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    async with scripted_shell(tmp_path) as shell:
        yield shell


def _answers() -> dict[str, Any]:
    answers = {m.attribute: hostile(m.reply) for m in methods(Operator).values()}
    # Of these the command asks again with what it was told.
    answers["config_log"] = ConfigLogReply(commits=[hostile(Commit, sha="a" * 40)])
    answers["config"] = hostile(ConfigReply, sha="a" * 40)
    return answers | {m.attribute: [answers[m.attribute]] for m in methods(Operator).values() if m.streaming}


ANSWERS = _answers()
REFUSALS = {method.attribute: ConflictError(ALL, hint=ALL) for method in methods(Operator).values()}


@pytest.mark.parametrize("words", [*([*name.split(), *more] for name, more in COMMANDS.items()), *MORE], ids=" ".join)
async def test_a_command_prints_no_control_character(shell: Shell, words: list[str]) -> None:
    shell.core.answers = ANSWERS
    for more in ([], ["--json"]):
        done = await shell.hive(*words, *more, stdin="correct horse battery\n" * 2)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert not set(done.output) & CONTROLS, (words, done.output)
        assert done.exit_code in (0, 1) or (more and "No such option" in done.output), done.output
    shell.core.answers = REFUSALS
    refused = await shell.hive(*words, stdin="correct horse battery\n" * 2)
    assert refused.exit_code == 1, refused.output
    assert "pwned" in refused.output
    assert not set(refused.output) & CONTROLS
