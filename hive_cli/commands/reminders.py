"""`hive reminders`: what agents have set for their later selves."""

import click

from hive_cli.output import console, local, say, table, words
from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.dialogue import Reminder, ReminderRollupReply, RemindersReply
from hive_rpc.interfaces.operator.dialogue import AgentReminderRollupRequest, AgentRemindersRequest
from hive_rpc.interfaces.operator.request import IdRequest


def _print(reply: RemindersReply) -> None:
    if not reply.reminders:
        say("No reminders.")
        return
    rows = table("ID", "AGENT", "STATE", "DUE", "EVERY", "MESSAGE")
    for reminder in reply.reminders:
        every = f"{reminder.every_seconds:g} s" if reminder.every_seconds else None
        rows.add_row(
            words(reminder.id, "dim"),
            words(reminder.agent, "bold"),
            words(_state(reminder)),
            words(local(reminder.due_at)),
            words(every),
            words(reminder.message),
        )
    console().print(rows)


def _state(reminder: Reminder) -> str:
    return f"{reminder.state}: {reminder.error}" if reminder.error else str(reminder.state)


@click.group(invoke_without_command=True)
@click.option("--agent", "name", type=AGENT, help="Only this agent's.")
@click.option("--all", "everything", is_flag=True, help="Those delivered, failed and cancelled too.")
@click.pass_context
@talks
def reminders(talk: Talk, context: click.Context, name: str | None, everything: bool) -> None:
    """Show the agents' pending reminders by due time; with a command, look after them."""
    if context.invoked_subcommand is None:
        reply = talk.call(lambda core: core.reminders(AgentRemindersRequest(agent=name, all=everything)))
        talk.show(reply, lambda: _print(reply))


@reminders.command()
@click.argument("reminder", metavar="ID")
@talks
def cancel(talk: Talk, reminder: str) -> None:
    """Call off a pending one."""
    reply = talk.call(lambda core: core.cancel_reminder(IdRequest(id=reminder)))
    talk.done(reply, f"{reminder} of {reply.reminder.agent} is cancelled.")


@reminders.command()
@click.argument("reminder", metavar="ID")
@talks
def retry(talk: Talk, reminder: str) -> None:
    """Make one that failed due now."""
    reply = talk.call(lambda core: core.retry_reminder(IdRequest(id=reminder)))
    talk.done(reply, f"{reminder} of {reply.reminder.agent} is due now.")


def _print_rollup(reply: ReminderRollupReply) -> None:
    if not reply.agents:
        say(f"None was due since {local(reply.since)}.")
        return
    rows = table("AGENT", "ATTEMPTED", "DELIVERED", "FAILED")
    for counts in reply.agents:
        numbers = (counts.attempted, counts.delivered, counts.failed)
        rows.add_row(words(counts.agent, "bold"), *(words(str(number)) for number in numbers))
    console().print(rows)


@reminders.command()
@click.argument("name", type=AGENT, required=False)
@click.option("--hours", type=click.FloatRange(min=0), default=24, show_default=True, help="How far back.")
@talks
def rollup(talk: Talk, name: str | None, hours: float) -> None:
    """Count how many were attempted, delivered and failed."""
    request = AgentReminderRollupRequest(agent=name, since_seconds=hours * 3600)
    reply = talk.call(lambda core: core.reminder_rollup(request))
    talk.show(reply, lambda: _print_rollup(reply))
