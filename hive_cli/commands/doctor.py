"""`hive doctor`."""

import click
from rich.text import Text

from hive_cli.exits import CommandFailedError
from hive_cli.output import console, harmless
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.hive import DoctorReply
from hive_rpc.interfaces.operator.request import OperatorRequest


def _print(reply: DoctorReply) -> None:
    out = console()
    for check in reply.checks:
        mark = ("  ok  ", "green") if check.ok else ("FAILED", "bold red")
        out.print(
            Text.assemble(mark, "  ", (harmless(check.name), "bold"), ": ", harmless(check.detail)), soft_wrap=True
        )
        if not check.ok and check.remedy:
            out.print(Text(f"        {harmless(check.remedy)}"), soft_wrap=True)


@click.command()
@talks
def doctor(talk: Talk) -> None:
    """Check everything that the hive needs, and say what to do about what is wrong."""
    reply = talk.call(lambda core: core.doctor(OperatorRequest()), doing="Checking ...")
    talk.show(reply, lambda: _print(reply))
    failed = [check.name for check in reply.checks if not check.ok]
    if failed:
        plural = "check" if len(failed) == 1 else "checks"
        raise CommandFailedError(f"{len(failed)} of {len(reply.checks)} {plural} failed: {', '.join(failed)}.")
