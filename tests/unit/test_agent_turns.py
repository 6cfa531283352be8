"""Whom a turn answers by itself, and what makes two sends the same."""

from datetime import UTC, datetime

import pytest

from hive_agent.harness.turns import ActiveTurn, Sent, automatic_key
from hive_rpc.types import Message, Turn

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def message(name: str, sender: str, **fields: object) -> Message:
    return Message.model_validate(
        {"id": name, "sender": sender, "recipient": "worker", "body": "hi", "sent_at": NOW} | fields
    )


def turn(*messages: Message, sent: tuple[Sent, ...] = ()) -> ActiveTurn:
    return ActiveTurn(Turn(id="turn_1", started_at=NOW), list(messages), began=0, sent=list(sent))


def unanswered(*messages: Message, sent: tuple[Sent, ...] = ()) -> list[str]:
    return [m.id for m in turn(*messages, sent=sent).unanswered()]


@pytest.mark.parametrize(
    ("incoming", "replied"),
    [
        (message("m", "operator"), True),
        (message("m", "operator", broadcast=True), True),
        (message("m", "other"), True),
        (message("m", "other", broadcast=True), False),
        (message("m", "other", automatic=True), False),
        (message("m", "hive"), False),
        (message("m", "hive", broadcast=True), False),
    ],
    ids=lambda value: value if isinstance(value, bool) else f"{value.sender}-{value.broadcast}-{value.automatic}",
)
def test_who_gets_the_last_words_of_a_turn_that_sent_nothing(incoming: Message, *, replied: bool) -> None:
    assert unanswered(incoming) == (["m"] if replied else [])


@pytest.mark.parametrize("sender", ["operator", "other"])
def test_nobody_gets_them_who_was_written_to(sender: str) -> None:
    assert unanswered(message("m", sender), sent=(Sent(sender, None),)) == []
    assert unanswered(message("m", sender), sent=(Sent("*", None),)) == []


@pytest.mark.parametrize("sender", ["operator", "other"])
def test_writing_to_somebody_else_is_no_answer(sender: str) -> None:
    assert unanswered(message("m", sender), sent=(Sent("third", None),)) == ["m"]


def test_every_message_of_an_operator_is_answered_because_each_may_be_waited_for() -> None:
    first, second = message("m1", "operator"), message("m2", "operator")
    assert unanswered(first, second, sent=(Sent("operator", None),)) == ["m2"]
    assert unanswered(first, second, sent=(Sent("operator", "m2"),)) == ["m1"]
    assert unanswered(first, second, sent=(Sent("operator", None), Sent("operator", None))) == []


def test_one_answer_to_an_agent_is_enough() -> None:
    assert unanswered(message("m1", "other"), message("m2", "other"), sent=(Sent("other", "m1"),)) == []


def test_a_message_to_another_agent_answers_the_latest_that_came_from_there() -> None:
    running = turn(message("m1", "other"), message("m2", "third"), message("m3", "other"))
    assert running.thread("other") == "m3"
    assert running.thread("nobody") is None


def test_core_decides_which_of_an_operators_messages_is_answered() -> None:
    assert turn(message("m1", "operator")).thread("operator") is None


def test_the_same_words_sent_again_in_a_turn_that_is_done_again_have_the_same_key() -> None:
    first, again = turn(message("m", "operator")), turn(message("m", "operator", redelivered=True))
    assert first.key("other", "hello", None) == again.key("other", "hello", None)


def test_the_same_words_sent_twice_on_purpose_have_two_keys() -> None:
    running = turn(message("m", "operator"))
    key = running.key("other", "hello", None)
    running.sent.append(Sent("other", None))
    assert running.key("other", "hello", None) != key


def test_other_words_or_another_occasion_have_another_key() -> None:
    running = turn(message("m", "operator"))
    keys = {running.key("other", "hello", None), running.key("other", "hello!", None), running.key("o", "hello", None)}
    keys.add(turn(message("n", "operator")).key("other", "hello", None))
    assert len(keys) == 4


def test_there_is_one_automatic_reply_to_a_message_however_often_it_is_delivered() -> None:
    incoming = message("m", "operator")
    assert automatic_key(incoming) == automatic_key(message("m", "operator", redelivered=True))
    assert automatic_key(incoming) != automatic_key(message("n", "operator"))
