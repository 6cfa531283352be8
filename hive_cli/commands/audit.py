"""`hive audit`."""

import json

import click

from hive_cli.output import console, local, say, table, words
from hive_cli.talk import Talk, talks
from hive_rpc.interfaces.operator.people import AuditReply, AuditRequest


def _print(reply: AuditReply) -> None:
    if not reply.rows:
        say("Nothing was changed yet.")
        return
    rows = table("ID", "WHEN", "WHO", "VIA", "ACTION", "TARGET", "OUTCOME", "DETAILS")
    for row in reply.rows:
        details = json.dumps(row.details, ensure_ascii=False) if row.details else ""
        rows.add_row(
            words(str(row.id), "dim"),
            words(local(row.at)),
            *(words(text) for text in (row.who, row.via, row.action, row.target, row.outcome)),
            words(details, "dim"),
        )
    console().print(rows)


@click.command()
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many rows at most."
)
@click.option("--before", type=int, metavar="ID", help="Only older rows than this one.")
@talks
def audit(talk: Talk, limit: int, before: int | None) -> None:
    """Show who changed what, newest first."""
    reply = talk.call(lambda core: core.audit(AuditRequest(before=before, limit=limit)))
    talk.show(reply, lambda: _print(reply))
