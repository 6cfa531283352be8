"""`hive dead-letters`: messages that were handed out again and again and never acknowledged."""

import textwrap

import click

from hive_cli.commands.messages import heading
from hive_cli.output import local, say
from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.messages import DeadLettersChoice, DeadLettersReply, DeadLettersRequest


def _print(reply: DeadLettersReply) -> None:
    for letter in reply.letters:
        say(heading(letter.message))
        say(f"    given up {local(letter.died_at)}: {letter.reason}")
        say(textwrap.indent(letter.message.body, "    ", lambda _: True))
    if not reply.letters:
        say("No dead letters.")
    if reply.more:
        say(f"(There are older ones: --before {reply.letters[-1].message.id})")


@click.group("dead-letters", invoke_without_command=True)
@click.option("--agent", "name", type=AGENT, help="Only those to this agent.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@click.option("--before", metavar="ID", help="Only older ones than this message.")
@click.pass_context
@talks
def dead_letters(talk: Talk, context: click.Context, name: str | None, limit: int, before: str | None) -> None:
    """Show messages that were given up, newest first; with a command, decide on them.

    A message is given up when it was handed to its agent again and again and no turn finished with it.
    """
    if context.invoked_subcommand is None:
        reply = talk.call(lambda core: core.dead_letters(DeadLettersRequest(agent=name, before=before, limit=limit)))
        talk.show(reply, lambda: _print(reply))


@dead_letters.command()
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter.")
@talks
def resend(talk: Talk, ids: tuple[str, ...], everything: bool) -> None:
    """Deliver them again, with all attempts before them."""
    choice = DeadLettersChoice(ids=list(ids), all=everything)
    reply = talk.call(lambda core: core.resend_dead_letters(choice))
    talk.done(reply, f"{reply.count} sent again.")


@dead_letters.command()
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter.")
@talks
def drop(talk: Talk, ids: tuple[str, ...], everything: bool) -> None:
    """Let them be; they stay in `hive messages`."""
    choice = DeadLettersChoice(ids=list(ids), all=everything)
    reply = talk.call(lambda core: core.drop_dead_letters(choice))
    talk.done(reply, f"{reply.count} dropped.")
