"""`hive questions`: what agents ask, each with one definite end."""

import textwrap

import click

from hive_cli.output import local, say, zoned
from hive_cli.parameters import TEXT
from hive_cli.talk import Talk, talks
from hive_rpc.dialogue import Question, QuestionState
from hive_rpc.interfaces.operator.dialogue import AnswerQuestionRequest, QuestionsReply, QuestionsRequest
from hive_rpc.interfaces.operator.request import IdRequest
from hive_rpc.types import OPERATOR


def _print_question(question: Question) -> None:
    say(f"{question.id}  {question.asker} asks {question.addressee}, {_state(question)}")
    say(textwrap.indent(question.question, "    ", lambda _: True))
    for option in question.options:
        say(f"    {'[ ]' if question.multi else '( )'} {option}")
    if said := [*question.choices, *([question.answer] if question.answer else [])]:
        say(f"    {question.resolved_by}: {', '.join(said)}")


def _state(question: Question) -> str:
    if question.state is QuestionState.OPEN:
        return f"open until {zoned(question.expires_at)}"
    assert question.resolved_at is not None
    return f"{question.state} {local(question.resolved_at)}"


def _print(reply: QuestionsReply) -> None:
    for question in reply.questions:
        _print_question(question)
    if not reply.questions:
        say("No questions.")


@click.group(invoke_without_command=True)
@click.option("--to", "addressee", metavar="NAME", help=f"Only those to this agent, or to `{OPERATOR}`.")
@click.option("--all", "everything", is_flag=True, help="Those that have ended too.")
@click.pass_context
@talks
def questions(talk: Talk, context: click.Context, addressee: str | None, everything: bool) -> None:
    """Show what agents ask, oldest first; with a command, answer."""
    if context.invoked_subcommand is None:
        reply = talk.call(lambda core: core.questions(QuestionsRequest(addressee=addressee, all=everything)))
        talk.show(reply, lambda: _print(reply))


@questions.command()
@click.argument("question", metavar="ID")
@click.argument("text", type=TEXT, required=False)
@click.option("--choose", "choices", metavar="OPTION", multiple=True, help="One of its options, word for word.")
@talks
def answer(talk: Talk, question: str, text: str | None, choices: tuple[str, ...]) -> None:
    """Answer with a TEXT, - for standard input, or with its options. The asker is told at once."""
    request = AnswerQuestionRequest(id=question, answer=text, choices=list(choices))
    reply = talk.call(lambda core: core.answer_question(request))
    talk.done(reply, f"{reply.question.asker} has been told.")


@questions.command()
@click.argument("question", metavar="ID")
@talks
def cancel(talk: Talk, question: str) -> None:
    """End one without an answer. The asker is told at once."""
    reply = talk.call(lambda core: core.cancel_question(IdRequest(id=question)))
    talk.done(reply, f"{reply.question.asker} has been told that there will be no answer.")
