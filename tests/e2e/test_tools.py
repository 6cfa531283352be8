"""The model's tools in a real hive: real CLI, containers and core; the stand-in calls them as it is told."""

import json
from typing import Any

import pytest

from tests.support.hive_host import Hive

LIMIT = "120"


def told(hive: Hive, agent: str, words: str) -> str:
    """What the agent answers to the operator."""
    sent = hive.command("send", agent, words, "--wait", "--timeout", LIMIT, "--json", limit=150)
    reply: str = json.loads(sent.stdout)["reply"]["body"]
    return reply


def printed(hive: Hive, *words: str) -> Any:
    return json.loads(hive.command(*words, "--json").stdout)


@pytest.fixture
def question(hive: Hive) -> Any:
    """One that the worker has asked the operator."""
    asking = {"question": "Which colour?", "options": ["red", "blue"]}
    assert "Asked as que_" in told(hive, "worker", f"call ask {json.dumps(asking)}")
    (asked,) = printed(hive, "questions", "--to", "operator")["questions"]
    return asked


def test_a_question_reaches_the_operator_and_its_answer_wakes_the_agent(hive: Hive, question: Any) -> None:
    assert (question["asker"], question["options"]) == ("worker", ["red", "blue"])
    assert question["id"] in told(hive, "worker", "call loose_ends {}")
    hive.command("questions", "answer", question["id"], "--choose", "blue")
    # The answer's message comes before this one, which the worker answers when it has had its turn with the other.
    assert question["id"] not in told(hive, "worker", "call loose_ends {}")
    notices = [m["body"] for m in printed(hive, "messages", "worker")["messages"] if m["sender"] == "hive"]
    assert any(question["id"] in body and "blue" in body for body in notices)


def test_a_reminder_is_set_listed_and_cancelled_by_the_agent(hive: Hive) -> None:
    setting = {"message": "water the plants", "in_seconds": 86400}
    assert "Set as rem_" in told(hive, "worker", f"call remind {json.dumps(setting)}")
    (reminder,) = printed(hive, "reminders", "--agent", "worker")["reminders"]
    assert "water the plants" in told(hive, "worker", "call list_reminders {}")
    assert "is cancelled" in told(hive, "worker", f'call cancel {{"id": "{reminder["id"]}"}}')
    assert printed(hive, "reminders", "--agent", "worker")["reminders"] == []


def test_a_reminder_that_is_due_wakes_its_agent(hive: Hive) -> None:
    told(hive, "worker", 'call remind {"message": "send the plants are thirsty to operator", "in_seconds": 1}')
    counts = printed(hive, "reminders", "rollup", "worker")["agents"]
    while not any(c["delivered"] for c in counts):
        told(hive, "worker", "say still here")
        counts = printed(hive, "reminders", "rollup", "worker")["agents"]
    bodies = [m["body"] for m in printed(hive, "messages", "worker")["messages"] if m["sender"] == "hive"]
    assert any("the plants are thirsty" in body for body in bodies)


def test_an_agent_finds_what_was_said_and_says_what_it_is_at(hive: Hive) -> None:
    told(hive, "worker", "say the needle is in the haystack")
    assert "haystack" in told(hive, "worker", 'call search_messages {"query": "needle hay"}')
    assert "Set." in told(hive, "worker", 'call set_status {"text": "looking for needles"}')


def test_an_agent_goes_on_by_itself_and_answers_when_it_has_finished(hive: Hive) -> None:
    note = {"note": "say both halves are done"}
    assert "both halves" in told(hive, "worker", f"call request_next_turn {json.dumps(note)} then say half is done")


def test_only_the_manager_has_a_managers_tools(hive: Hive) -> None:
    assert '"worker"' in told(hive, "manager", "call list_agents {}")
    assert '"manager"' not in told(hive, "worker", "call list_agents {}")
