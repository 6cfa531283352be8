"""`hive-agent classify`: for people who debug a recorded run of the CLI."""

import json
from typing import BinaryIO

import click

from hive_agent.classify.evidence import Cancel, from_lines
from hive_agent.classify.rules import classify


def _text(file: BinaryIO | None) -> str:
    return "" if file is None else file.read().decode("utf-8-sig", errors="replace")


@click.command("classify")
@click.argument("file", type=click.File("rb"))
@click.option("--stderr", type=click.File("rb"), metavar="FILE", help="What the CLI printed on stderr.")
@click.option("--exit-code", type=int, metavar="N", help="How it ended; -N is a signal. Default: not known.")
@click.option("--cancel", type=click.Choice([c.value for c in Cancel]), help="Why we ended it, where we did.")
def command(file: BinaryIO, stderr: BinaryIO | None, exit_code: int | None, cancel: str | None) -> None:
    """Say how a turn ended, from the stream-json that the CLI printed (- is standard input).

    Prints one JSON object: the outcome, when a limit resets, whether the same message can succeed later, and which
    fields of which lines decided.
    """
    found = classify(
        from_lines(
            _text(file).split("\n"),
            exit_code=exit_code,
            stderr=_text(stderr),
            cancel=Cancel(cancel) if cancel else None,
        )
    )
    click.echo(json.dumps(found.as_object(), ensure_ascii=False, indent=2))
