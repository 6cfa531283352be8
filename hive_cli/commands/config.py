"""`hive config`: what an agent runs with, and changing it."""

from typing import TextIO

import click

from hive_cli.commands.approvals import decide
from hive_cli.output import local, note, say
from hive_cli.parameters import AGENT, read_text
from hive_cli.talk import Talk, require, talks
from hive_rpc.configuration import Commit
from hive_rpc.interfaces.operator.configuration import ConfigDiffRequest, ConfigLogReply, EditConfigRequest
from hive_rpc.interfaces.operator.request import AgentRequest


@click.command()
@click.argument("name", type=AGENT)
@click.argument("action", type=click.Choice(["show", "edit", "diff", "log"]), default="show")
@click.argument("commits", nargs=-1, metavar="[OLD [NEW]]")
@click.option("--file", type=click.File(encoding="utf-8"), help="For edit: the new agent.toml, in place of an editor.")
@click.option("--reason", default="", help="For edit: why.")
@click.option("--yes", is_flag=True, help="For edit: approve it without being asked.")
@talks
def config(
    talk: Talk, name: str, action: str, commits: tuple[str, ...], file: TextIO | None, reason: str, yes: bool
) -> None:
    """Show an agent's agent.toml, edit it, or look at the commits that were proposed and applied.

    `diff` compares what runs with the newest proposal, or the two commits that are given.
    """
    match action:
        case "show":
            reply = talk.call(lambda core: core.config(AgentRequest(name=name)))
            talk.show(reply, lambda: say(reply.config.rstrip("\n")))
        case "log":
            log = talk.call(lambda core: core.config_log(AgentRequest(name=name)))
            talk.show(log, lambda: _print_log(log))
        case "diff":
            _diff(talk, name, commits)
        case _:
            _edit(talk, name, file, reason, yes=yes)


def _print_log(reply: ConfigLogReply) -> None:
    for commit in reply.commits:
        say(f"{commit.sha[:12]}  {local(commit.at)}  {commit.author}: {commit.subject}")
        if commit.tags:
            say(f"              {', '.join(sorted(commit.tags))}")


def _diff(talk: Talk, name: str, commits: tuple[str, ...]) -> None:
    known = talk.call(lambda core: core.config_log(AgentRequest(name=name))).commits
    running = talk.call(lambda core: core.config(AgentRequest(name=name))).sha
    old = _found(known, commits[0]) if commits else running
    new = _found(known, commits[1]) if len(commits) > 1 else (running if commits else known[0].sha if known else None)
    require(old is not None and new is not None, f"{name} has no commit yet.")
    assert old is not None
    assert new is not None
    reply = talk.call(lambda core: core.config_diff(ConfigDiffRequest(name=name, old=old, new=new)))
    talk.show(reply, lambda: say(reply.diff.rstrip("\n") or f"{old[:12]} and {new[:12]} have the same files."))


def _found(known: list[Commit], beginning: str) -> str:
    found = [commit.sha for commit in known if commit.sha.startswith(beginning)]
    require(len(found) == 1, f"{beginning} is not the beginning of one commit's id: `hive config NAME log` lists them.")
    return found[0]


def _edit(talk: Talk, name: str, file: TextIO | None, reason: str, *, yes: bool) -> None:
    given = None if file is None else read_text(file, "--file")
    before = talk.call(lambda core: core.config(AgentRequest(name=name)))
    after = given if given is not None else click.edit(before.config, extension=".toml")
    if after is None or after == before.config:
        note("Nothing was changed.")
        return
    request = EditConfigRequest(name=name, config=after, base=before.sha, reason=reason)
    asked = talk.call(lambda core: core.edit_config(request)).approval
    decide(talk, asked, yes=yes)
