"""What the stand-in model answers to what it is asked."""

import json
from typing import Any

import pytest

from hive_gateway.standin import conversation, planner
from hive_gateway.standin.planner import Response

BASH = {"name": "Bash", "input_schema": {"type": "object"}}
SEND = {"name": "mcp__hive__send", "input_schema": {"type": "object"}}
Message = dict[str, Any]


def user(*texts: str) -> Message:
    return {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}


def wrapped(body: str, sender: str = "operator", message_id: str = "msg_1") -> str:
    return f'New message for you.\n\n<message id="{message_id}" from="{sender}" sent_at="…">\n{body}\n</message>'


def respond(*messages: Message, tools: list[Message] | None = None, **more: Any) -> Response:
    request = {"model": "claude-x", "messages": list(messages), "tools": [BASH, SEND] if tools is None else tools}
    return planner.plan(conversation.read(request | more)).response


def after(response: Response, result: str, *, is_error: bool = False) -> list[Message]:
    """What the CLI appends when it has run the tool call of a response."""
    use = response.tool_use
    assert use is not None
    block = {"type": "tool_result", "tool_use_id": use.id, "content": [{"type": "text", "text": result}]}
    return [
        {"role": "assistant", "content": [{"type": "tool_use", "id": use.id, "name": use.name, "input": use.input}]},
        {"role": "user", "content": [block | ({"is_error": True} if is_error else {})]},
    ]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("what is 6*7?", "6*7 = 42"),
        ("Hello worker, what is 6 * 7? Thanks.", "6 * 7 = 42"),
        ("What's 6 times 7?", "6*7 = 42".replace("*", " * ")),
        ("6 x 7", "6*7 = 42"),
        ("compute (1+2)*3 - -4/2", "(1+2)*3 - -4/2 = 11"),
        ("what is 7/2", "7/2 = 3.5"),
        ("what is 1/0?", "1/0 has no value: it divides by zero."),
        ("say hello world", "hello world"),
        ('repeat "a then b"', "a then b"),
        ("say one then say two", "one\ntwo"),
        ("say one\nand say two", "one\ntwo"),
    ],
)
def test_it_answers_simple_requests(asked: str, answer: str) -> None:
    assert respond(user(asked)).text == answer


@pytest.mark.parametrize("asked", ["hello", "Good morning!", "the plan of 2026-11-20", "what is the plan?", "(" * 150])
def test_it_names_itself_when_it_has_nothing_better_to_say(asked: str) -> None:
    assert "the stand-in model" in respond(user(asked)).text


def test_an_echo_of_a_long_message_is_short() -> None:
    assert len(respond(user("tell me a story " * 5000)).text) < 400


@pytest.mark.parametrize(
    ("asked", "tool", "given"),
    [
        ("send hello there to worker", "mcp__hive__send", {"to": "worker", "body": "hello there"}),
        ("please send hi to everyone", "mcp__hive__send", {"to": "*", "body": "hi"}),
        ('send "run date then say x" to bob', "mcp__hive__send", {"to": "bob", "body": "run date then say x"}),
        ("recv", "mcp__hive__recv", {}),
        ("who am I?", "mcp__hive__whoami", {}),
        ("write some text to /tmp/f", "Write", {"file_path": "/tmp/f", "content": "some text"}),
        ("read /tmp/f", "Read", {"file_path": "/tmp/f"}),
        ('call Grep {"pattern": "a then b"}', "Grep", {"pattern": "a then b"}),
        ('call mcp__x__add {"a": 1}', "mcp__x__add", {"a": 1}),
    ],
)
def test_it_calls_the_tool_it_is_told_to(asked: str, tool: str, given: dict[str, Any]) -> None:
    response = respond(user(asked))

    assert response.stop_reason == "tool_use"
    assert response.tool_use is not None
    assert (response.tool_use.name, response.tool_use.input) == (tool, given)


def test_it_runs_commands() -> None:
    response = respond(user("run `date; echo then what`"))

    assert response.tool_use is not None
    assert response.tool_use.name == "Bash"
    assert response.tool_use.input["command"] == "date; echo then what"


def test_it_reports_the_results_of_a_sequence_of_tools_in_order() -> None:
    prompt = user("run date then send it is late to worker then say done")
    first = respond(prompt)
    history = [prompt, *after(first, "Friday")]
    second = respond(*history)
    history += after(second, "unknown recipient", is_error=True)

    assert first.tool_use is not None
    assert first.tool_use.name == "Bash"
    assert second.tool_use is not None
    assert second.tool_use.name == "mcp__hive__send"
    assert first.tool_use.id != second.tool_use.id
    assert respond(*history) == Response("Bash: Friday\nsend failed: unknown recipient\ndone")


def test_a_retried_request_gets_the_same_response() -> None:
    assert respond(user("run date")) == respond(user("run date"))


def test_only_the_latest_prompt_is_acted_on() -> None:
    first = user("run date")
    done = after(respond(first), "Friday")
    answered: Message = {"role": "assistant", "content": "Bash: Friday"}

    assert respond(first, *done, answered, user("say next")).text == "next"


def test_reminders_and_system_messages_are_not_prompts() -> None:
    """Claude Code puts both around what was said."""
    response = respond(
        user("<system-reminder>\nsay one\n</system-reminder>", "say two"),
        {"role": "system", "content": "say three"},
        user("<system-reminder>say four</system-reminder>"),
    )

    assert response.text == "two"


def test_the_text_around_a_message_is_not_acted_on() -> None:
    prompt = (
        wrapped("say only this") + "\n\nWaiting for you besides this one: 3. Each wakes you; `recv` takes them now."
    )

    assert respond(user(prompt)).text == "only this"


@pytest.mark.parametrize("body", ["what is 6*7? reply with send", "what is 6*7?\nreply with the send tool."])
def test_it_replies_with_send_to_the_sender_when_told_to(body: str) -> None:
    response = respond(user(wrapped(body, sender="manager", message_id="msg_9")))

    assert response.tool_use is not None
    assert response.tool_use.name == "mcp__hive__send"
    assert response.tool_use.input == {"to": "manager", "body": "6*7 = 42", "in_reply_to": "msg_9"}


def test_a_reply_can_give_what_a_tool_found() -> None:
    prompt = user(wrapped("run date then reply with send", sender="manager"))
    response = respond(prompt, *after(respond(prompt), "Friday"))

    assert response.tool_use is not None
    assert response.tool_use.input["body"] == "Bash: Friday"


@pytest.mark.parametrize(("asked", "seconds"), [("wait 3 seconds then say x", 3), ("say x slowly", 5), ("say x", 0)])
def test_it_takes_the_time_it_is_told_to_take(asked: str, seconds: float) -> None:
    response = respond(user(asked))

    assert response.seconds == seconds
    assert response.text.endswith("x")


def test_a_pause_belongs_to_the_response_after_it() -> None:
    prompt = user("run date then wait 7 seconds then say x")
    first = respond(prompt)

    assert first.seconds == 0
    assert respond(prompt, *after(first, "Friday")).seconds == 7


def test_a_request_that_offers_no_tools_gets_no_tool_call() -> None:
    assert respond(user("run date"), tools=[]).tool_use is None


def test_a_side_request_of_the_cli_gets_a_harmless_answer() -> None:
    """Titles and the like are asked of a small model, and quote the conversation."""
    quoted = user('Write a title for: "run rm -rf / [[stand-in: error 500]]"')
    request = {"model": "claude-haiku-4-5", "messages": [quoted]}
    plan = planner.plan(conversation.read(request))

    assert plan.response.text == "A conversation with the stand-in model"
    assert plan.instructions == ()


def test_a_request_for_structured_output_gets_an_object_of_that_shape() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}, "kind": {"enum": ["a", "b"]}}}
    response = respond(user("name this"), output_config={"format": {"type": "json_schema", "schema": schema}})

    assert json.loads(response.text) == {"title": "stand-in", "kind": "a"}


def test_a_compaction_gets_a_summary_that_asks_for_nothing() -> None:
    instruction = user("Your task is to create a detailed summary of the conversation so far.")
    summary = respond(user(wrapped("run date [[stand-in: error 500]]")), instruction).text
    continued = planner.plan(conversation.read({"messages": [user(summary)], "tools": [BASH]}))

    assert "run date" in summary
    assert continued.response.tool_use is None
    assert continued.instructions[0].directives.faults == ()


def test_a_directive_it_does_not_know_is_named_in_the_answer() -> None:
    assert "`explode now`" in respond(user("say x [[stand-in: explode now]]")).text
    assert "`error 500 tims=2`" in respond(user("[[stand-in: error 500 tims=2]]")).text
