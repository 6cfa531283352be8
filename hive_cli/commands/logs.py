"""`hive logs`."""

import click
from rich.text import Text

from hive_cli.output import console, harmless, local
from hive_cli.parameters import AGENT
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.files import LogsRequest
from hive_rpc.logs import LogLine

_ERROR, _WARNING, _DEBUG = 3, 4, 7


def _style(priority: int) -> str:
    if priority <= _ERROR:
        return "red"
    return {_WARNING: "yellow", _DEBUG: "dim"}.get(priority, "")


@click.command()
@click.argument("name", type=AGENT)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=100, show_default=True, help="How many to begin with."
)
@talks
def logs(talk: Talk, name: str, follow: bool, lines: int) -> None:
    """Show the last lines of an agent's log."""
    out = console()

    def show(line: LogLine) -> None:
        text = Text.assemble(
            (local(line.at), "dim"),
            " ",
            (harmless(line.source), "bold"),
            ": ",
            (harmless(line.text), _style(line.priority)),
        )
        out.print(text, soft_wrap=True)

    talk.stream(lambda core: core.logs(LogsRequest(name=name, lines=lines, follow=follow)), show)
