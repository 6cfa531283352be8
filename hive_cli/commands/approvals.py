"""`hive approvals`: what waits for a decision, and deciding it."""

import sys

import click

from hive_cli.output import ago, console, local, note, say, table, words, zoned
from hive_cli.talk import Talk, require, talks
from hive_rpc.configuration import Approval, ApprovalState, DiffBase, JobState
from hive_rpc.interfaces.operator.approvals import (
    ApprovalReply,
    ApprovalRequest,
    ApprovalsReply,
    ApprovalsRequest,
    DecideRequest,
)
from hive_rpc.interfaces.operator.jobs import JobReply
from hive_rpc.interfaces.operator.request import IdRequest

_STYLES = {ApprovalState.PENDING: "yellow", ApprovalState.FAILED: "red", ApprovalState.DEPLOYED: "green"}


def _print_list(reply: ApprovalsReply) -> None:
    if not reply.approvals:
        say("Nothing waits for a decision.")
        return
    rows = table("ID", "STATE", "WHAT", "AGENT", "ASKED BY", "WHEN", "REASON")
    for asked in reply.approvals:
        rows.add_row(
            words(asked.id),
            words(asked.state, _STYLES.get(asked.state, "")),
            words(asked.kind),
            words(asked.agent),
            words(asked.requested_by),
            words(local(asked.requested_at)),
            words(asked.reason.partition("\n")[0], "dim"),
        )
    console().print(rows)


def _print_one(reply: ApprovalReply) -> None:
    asked = reply.approval
    say(f"{asked.id}: {asked.kind} of {asked.agent}, {asked.state}")
    say(
        f"asked by {asked.requested_by} at {zoned(asked.requested_at)}, until {zoned(asked.expires_at)}: {asked.reason}"
    )
    if asked.decided_by and asked.decided_at:
        told = f": {asked.note}" if asked.note else ""
        say(f"decided by {asked.decided_by} over {asked.decided_via} at {local(asked.decided_at)}{told}")
    if asked.error:
        say(f"failed: {asked.error}")
    if asked.sha:
        say(f"commit {asked.sha}, compared with {reply.base or 'nothing'}")
    for warning in reply.warnings:
        say(f"! {warning}")
    if reply.diff:
        say(f"\n{reply.diff}")


@click.group(invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Those that have ended too.")
@click.pass_context
@talks
def approvals(talk: Talk, context: click.Context, everything: bool) -> None:
    """Show what waits for a decision; with a command, look at one of them or decide it."""
    if context.invoked_subcommand is None:
        reply = talk.call(lambda core: core.approvals(ApprovalsRequest(all=everything)))
        talk.show(reply, lambda: _print_list(reply))


@approvals.command()
@click.argument("id")
@click.option(
    "--against",
    type=click.Choice([base.value for base in DiffBase]),
    default=DiffBase.RUNNING.value,
    show_default=True,
    help="What to compare it with.",
)
@talks
def show(talk: Talk, id: str, against: str) -> None:  # noqa: A002 - the argument's name on the command line
    """Show one with the difference that it makes."""
    reply = talk.call(lambda core: core.show_approval(ApprovalRequest(id=id, against=DiffBase(against))))
    talk.show(reply, lambda: _print_one(reply))


@approvals.command()
@click.argument("id")
@click.option("--note", "words_", default="", help="Kept with the decision.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it is carried out.")
@talks
def approve(talk: Talk, id: str, words_: str, no_wait: bool) -> None:  # noqa: A002
    """Say yes, and wait until it is carried out."""
    reply = talk.call(lambda core: core.approve(DecideRequest(id=id, note=words_)))
    if no_wait:
        talk.done(reply, f"{id} is approved.")
        return
    finish(talk, reply.approval)


def decide(talk: Talk, asked: Approval, *, yes: bool) -> None:
    """Show what was just asked for, and carry it out once the person has said yes."""
    shown = talk.call(lambda core: core.show_approval(ApprovalRequest(id=asked.id)))
    for line in [*(f"! {warning}" for warning in shown.warnings), *shown.diff.splitlines()]:
        note(line)
    if not yes and not (sys.stdin.isatty() and click.confirm("Have it run?", err=True)):
        note(f"It waits for a decision: hive approvals approve {asked.id}")
        return
    approved = talk.call(lambda core: core.approve(DecideRequest(id=asked.id)))
    finish(talk, approved.approval)


def finish(talk: Talk, approved: Approval) -> None:
    """Wait for the job of what was approved, and say how it ended."""
    job = approved.job
    assert job is not None
    ended = talk.call(lambda core: core.await_job(IdRequest(id=job)), doing=f"Carrying out {approved.id} ...")
    talk.show(ended, lambda: _print_end(ended))
    require(ended.job.state is JobState.DONE, f"{approved.id} was not carried out: {ended.job.error}")


def _print_end(ended: JobReply) -> None:
    for line in ended.log.splitlines():
        note(line)
    if ended.job.state is JobState.DONE and ended.job.started_at and ended.job.ended_at:
        say(f"Done in {ago(ended.job.started_at, ended.job.ended_at)}.")


@approvals.command()
@click.argument("id")
@click.option("--note", "words_", default="", help="Told to whoever asked.")
@talks
def deny(talk: Talk, id: str, words_: str) -> None:  # noqa: A002
    """Say no."""
    reply = talk.call(lambda core: core.deny(DecideRequest(id=id, note=words_)))
    talk.done(reply, f"{id} is denied.")


@approvals.command()
@click.argument("id")
@talks
def cancel(talk: Talk, id: str) -> None:  # noqa: A002
    """Take back what is not carried out yet."""
    reply = talk.call(lambda core: core.cancel_approval(DecideRequest(id=id)))
    talk.done(reply, f"{id} is {reply.approval.state}.")
