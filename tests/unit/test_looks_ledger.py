"""What the dashboard is told in one answer, and where the next one begins."""

from hive_base.clock import SystemClock
from hive_core.looks.ledger import Ledger
from hive_rpc.codec import encode_reply
from hive_rpc.interfaces.operator.look import LookKind, LookReply, LookVersions
from hive_rpc.types import Message, Role


def test_an_answer_fits_into_a_frame_whatever_letters_agents_write_in() -> None:
    ledger, now = Ledger(), SystemClock().now()
    for number in range(300):
        message = Message(id=f"msg_{number}", sender="ada", recipient="bob", body="\U0001f41d" * 1000, sent_at=now)
        ledger.put(LookKind.MESSAGE, message.id, message)

    version, told, more = 0, 0, True
    while more:
        news = ledger.since(version)
        version, more = news.version, news.more
        told += len(news.items)
        reply = LookReply(
            name="vic",
            role=Role.VIEWER,
            version=str(version),
            complete=False,
            more=more,
            cursor=0,
            versions=LookVersions(questions=0, reminders=0, audit=0, people=0, accounts=0, caps=0),
            items=list(news.items),
            keys=list(news.keys),
        )
        encode_reply(reply)  # raises when it does not fit
    assert told == 300
