"""`hive messages`."""

import textwrap

import click

from hive_cli.output import local, say
from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.messages import ConversationRequest, MessagesReply, MessagesRequest
from hive_rpc.types import Message


def heading(message: Message) -> str:
    """When, who, to whom, and what is special about it."""
    marks = [
        mark
        for mark, holds in (
            (f"in reply to {message.in_reply_to}", message.in_reply_to),
            ("broadcast", message.broadcast),
            ("automatic", message.automatic),
            (f"redelivered: {message.redelivery_reason or 'attempt failed'}", message.redelivered),
        )
        if holds
    ]
    tail = f" ({', '.join(marks)})" if marks else ""
    return f"{local(message.sent_at)}  {message.sender} -> {message.recipient}  {message.id}{tail}"


def print_message(message: Message) -> None:
    say(heading(message))
    say(textwrap.indent(message.body, "    ", lambda _: True))


def _print(reply: MessagesReply) -> None:
    if reply.more:
        say(f"(There are older ones: --before {reply.messages[0].id})" if reply.messages else "(There are older ones.)")
    for message in reply.messages:
        print_message(message)
    if not reply.messages:
        say("No messages.")


@click.command()
@click.argument("name", type=AGENT, required=False)
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@click.option("--before", metavar="ID", help="Only older ones than this message.")
@click.option("--with", "other", metavar="NAME", help="Only what NAME and this one, or `operator`, sent to each other.")
@talks
def messages(talk: Talk, name: str | None, limit: int, before: str | None, other: str | None) -> None:
    """Show messages, oldest first; with a NAME only what this agent sent or received."""
    if other is not None:
        if name is None:
            raise click.UsageError("--with needs a NAME: two that sent to each other.")
        pair = ConversationRequest(one=name, other=other, before=before, limit=limit)
        reply = talk.call(lambda core: core.conversation(pair))
    else:
        reply = talk.call(lambda core: core.messages(MessagesRequest(agent=name, before=before, limit=limit)))
    talk.show(reply, lambda: _print(reply))
