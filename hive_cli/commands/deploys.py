"""`hive deploys`: the work on agents' lives."""

import click

from hive_cli.output import console, local, say, table, words
from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.configuration import JobState
from hive_rpc.interfaces.operator.jobs import JobReply, JobsReply, JobsRequest
from hive_rpc.interfaces.operator.request import IdRequest

_STYLES = {JobState.RUNNING: "yellow", JobState.FAILED: "red", JobState.DONE: "green"}


def _print(reply: JobsReply, agent: str | None) -> None:
    if not reply.jobs:
        say(f"Nothing was done with {agent} yet." if agent else "Nothing was done yet.")
        return
    rows = table("ID", "STATE", "WHAT", "AGENT", "STEP", "ASKED BY", "WHEN", "ERROR")
    for job in reply.jobs:
        rows.add_row(
            words(job.id),
            words(job.state, _STYLES.get(job.state, "")),
            words(job.kind),
            words(job.agent),
            words(job.step, "dim"),
            words(job.requested_by),
            words(local(job.requested_at)),
            words((job.error or "").partition("\n")[0], "red"),
        )
    console().print(rows)


def _print_one(reply: JobReply) -> None:
    job = reply.job
    say(f"{job.id}: {job.kind} of {job.agent}, {job.state}, asked for by {job.requested_by}")
    if job.approval:
        say(f"for {job.approval}")
    if job.error:
        say(f"error: {job.error}")
    say(f"\n{reply.log}" if reply.log else "It has said nothing.")


@click.group(invoke_without_command=True)
@click.option("--agent", type=AGENT, metavar="NAME", help="Only this agent's.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@click.pass_context
@talks
def deploys(talk: Talk, context: click.Context, agent: str | None, limit: int) -> None:
    """Show what is done with the agents: what runs and waits first, then the latest."""
    if context.invoked_subcommand is None:
        reply = talk.call(lambda core: core.jobs(JobsRequest(agent=agent, limit=limit)))
        talk.show(reply, lambda: _print(reply, agent))


@deploys.command()
@click.argument("id")
@talks
def show(talk: Talk, id: str) -> None:  # noqa: A002 - the argument's name on the command line
    """Show one with its log."""
    reply = talk.call(lambda core: core.show_job(IdRequest(id=id)))
    talk.show(reply, lambda: _print_one(reply))


@deploys.command()
@click.argument("id")
@talks
def cancel(talk: Talk, id: str) -> None:  # noqa: A002
    """Call off one that has changed nothing yet."""
    reply = talk.call(lambda core: core.cancel_job(IdRequest(id=id)))
    talk.done(reply, f"{id} is {reply.job.state}.")
