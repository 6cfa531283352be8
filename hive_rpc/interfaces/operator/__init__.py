"""`org.hive.Operator`: what an operator may do, on `operator.sock` (the shell) and `web.sock` (the dashboard).

On `operator.sock` the peer's uid is who acts, as an admin; on `web.sock` every call carries a session token and the
role of its operator decides. Each module beside this one has the methods of one domain, and what they take and give.
"""

from hive_rpc.interface import Interface
from hive_rpc.interfaces.operator import (
    accounts,
    approvals,
    configuration,
    dialogue,
    events,
    files,
    hive,
    jobs,
    lives,
    look,
    messages,
    people,
    spending,
)


class Operator(
    hive.Methods,
    look.Methods,
    messages.Methods,
    dialogue.Methods,
    events.Methods,
    files.Methods,
    lives.Methods,
    approvals.Methods,
    jobs.Methods,
    configuration.Methods,
    accounts.Methods,
    spending.Methods,
    people.Methods,
    Interface,
    name="org.hive.Operator",
    sockets=["operator.sock", "web.sock"],
):
    """The people who run the hive."""
