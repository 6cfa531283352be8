"""`hive thread`, `hive search` and `hive loose-ends`: what was said, and what is left open."""

import click

from hive_cli.commands.messages import print_message
from hive_cli.output import say
from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.dialogue import FoundMessages, LooseEndsReply
from hive_rpc.interfaces.operator.messages import SearchRequest, ThreadRequest
from hive_rpc.interfaces.operator.request import AgentRequest

LIMIT = click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most."
)
CURSOR = click.option("--cursor", metavar="ID", help="Go on where the page before ended.")


def _print(reply: FoundMessages) -> None:
    for message in reply.messages:
        print_message(message)
    if not reply.messages:
        say("No messages.")
    if reply.cursor:
        say(f"(There are more: --cursor {reply.cursor})")


@click.command()
@click.argument("message", metavar="ID")
@LIMIT
@CURSOR
@talks
def thread(talk: Talk, message: str, limit: int, cursor: str | None) -> None:
    """Show the thread that a message belongs to, oldest first."""
    reply = talk.call(lambda core: core.thread(ThreadRequest(id=message, cursor=cursor, limit=limit)))
    talk.show(reply, lambda: _print(reply))


@click.command()
@click.argument("query", metavar="WORD...", nargs=-1, required=True)
@click.option("--agent", type=AGENT, help="Only what this agent sent or received.")
@LIMIT
@CURSOR
@talks
def search(talk: Talk, query: tuple[str, ...], agent: str | None, limit: int, cursor: str | None) -> None:
    """Find messages in which every WORD occurs, newest first; the last may be the beginning of one."""
    request = SearchRequest(query=" ".join(query), agent=agent, cursor=cursor, limit=limit)
    reply = talk.call(lambda core: core.search(request))
    talk.show(reply, lambda: _print(reply))


def _print_ends(name: str, reply: LooseEndsReply) -> None:
    say(f"Messages that wait for {name}: {reply.unread}")
    for heading, found in ((f"{name} has asked", reply.asked), (f"{name} owes an answer to", reply.owed)):
        for question in found:
            other = question.addressee if question.asker == name else question.asker
            say(f"{heading} {other}: {question.question}  ({question.id})")
    for approval in reply.approvals:
        say(f"{name} has proposed to {approval.kind} {approval.agent}: {approval.reason}  ({approval.id})")
    for reminder in reply.reminders:
        say(f"{name} will be reminded: {reminder.message}  ({reminder.id})")


@click.command("loose-ends")
@click.argument("name", type=AGENT)
@talks
def loose_ends(talk: Talk, name: str) -> None:
    """Show what an agent has asked, owes and has put off."""
    reply = talk.call(lambda core: core.loose_ends(AgentRequest(name=name)))
    talk.show(reply, lambda: _print_ends(name, reply))
