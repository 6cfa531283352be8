"""`hive send`."""

import asyncio
from pathlib import Path

import click

from hive_base.clock import Clock, SystemClock
from hive_base.ids import new_id
from hive_cli.commands.status import state_words
from hive_cli.connection import operator
from hive_cli.exits import Exit
from hive_cli.output import note, say
from hive_cli.parameters import TEXT
from hive_cli.talk import Talk, talks
from hive_rpc.errors import HiveError, TimedOutError, UnavailableError
from hive_rpc.interfaces.operator.hive import StatusReply
from hive_rpc.interfaces.operator.messages import AwaitReplyReply, AwaitReplyRequest, OperatorSendRequest
from hive_rpc.interfaces.operator.request import OperatorRequest
from hive_rpc.types import EVERYONE

_RECONNECT_SECONDS = 0.5
_GRACE_SECONDS = 5
"""How much later than asked core's own timeout may come before we stop listening."""


async def await_reply(socket: Path, message: str, wait_seconds: float, clock: Clock) -> AwaitReplyReply:
    """Wait for a reply, through restarts of core: the message is durable, so losing the connection loses nothing."""
    deadline = clock.monotonic() + wait_seconds
    while True:
        left = max(0.0, deadline - clock.monotonic())
        try:
            async with asyncio.timeout(left + _GRACE_SECONDS), operator(socket) as core:
                return await core.await_reply(AwaitReplyRequest(id=message, wait_seconds=left))
        except TimeoutError:
            raise TimedOutError from None
        except UnavailableError:
            if left <= 0:
                raise
            await clock.sleep(min(_RECONNECT_SECONDS, left))


async def _status(socket: Path) -> StatusReply | None:
    """None when core does not say: it is asked beside what went wrong already."""
    try:
        async with asyncio.timeout(_GRACE_SECONDS), operator(socket) as core:
            return await core.status(OperatorRequest())
    except (HiveError, TimeoutError):
        return None


def _say_how_it_is(status: StatusReply | None, to: str) -> None:
    """What may be why no reply has come."""
    if status is None:
        return
    if status.hive.stopped:
        note(f"Everything is stopped: {status.hive.stopped}. `hive resume-all` undoes it.")
    now = SystemClock().now()
    for agent in status.agents:
        if to in (agent.name, EVERYONE):
            note(f"{agent.name} is {state_words(agent, now).plain}.")


@click.command()
@click.argument("to")
@click.argument("body", type=TEXT)
@click.option("--wait", is_flag=True, help="Wait for the reply and print it.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait.",
)
@talks
def send(talk: Talk, to: str, body: str, wait: bool, timeout: float) -> None:
    """Send a message as the operator. TO is an agent or * for every agent; a BODY of - is read from standard input."""
    request = OperatorSendRequest(to=to, body=body, key=new_id("key"))
    sent = talk.call(lambda core: core.send(request))
    if not wait:
        talk.show(sent, lambda: say(sent.id))
        return
    later = f"A later reply will be in `hive messages` (it answers {sent.id})."
    try:
        reply = talk.run(await_reply(talk.socket, sent.id, timeout, SystemClock()))
    except (click.ClickException, click.exceptions.Exit) as stopped:
        if stopped.exit_code in (Exit.TIMED_OUT, Exit.INTERRUPTED):
            if stopped.exit_code == Exit.TIMED_OUT:
                _say_how_it_is(talk.run(_status(talk.socket)), to)
            note(later)
        raise
    talk.show(reply, lambda: say(reply.reply.body))
    if reply.reply.automatic:
        note(f"({reply.reply.sender} did not answer with its send tool: this is the final text of its turn.)")
