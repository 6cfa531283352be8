"""What the stand-in answers: a function of the conversation alone, so that a retried request gets the same response."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hive_gateway.standin import grammar, schema, wake
from hive_gateway.standin.conversation import Conversation, Outcome
from hive_gateway.standin.directives import Directives, split
from hive_gateway.standin.grammar import Pause, Reply, Say, Step, Use

NAME = "the stand-in model"
_MOST_RESULT = 2000
_MOST_ECHO = 200
_GREETING = re.compile(r"^\W*(?:hello|hi|hey|good (?:morning|day|afternoon|evening))\b", re.IGNORECASE)
_COMPACTION = re.compile(r"\bsummary of (?:the|this|our) conversation", re.IGNORECASE)


@dataclass(frozen=True)
class ToolUse:
    id: str
    name: str
    input: dict[str, Any]


@dataclass(frozen=True)
class Response:
    """One assistant message: words, then at most one tool call."""

    text: str
    tool_use: ToolUse | None = None
    seconds: float = 0
    """How long its stream lasts."""

    @property
    def stop_reason(self) -> str:
        return "tool_use" if self.tool_use else "end_turn"


@dataclass(frozen=True)
class Instructions:
    """The directives of one message, with what tells the message from others."""

    message: str
    directives: Directives


@dataclass(frozen=True)
class Plan:
    response: Response
    instructions: Sequence[Instructions] = ()


def plan(conversation: Conversation) -> Plan:
    """The next response, and the directives that bear on it."""
    if aside := _aside(conversation):
        return Plan(aside)
    steps: list[_Placed] = []
    instructions: list[Instructions] = []
    for message in wake.messages(conversation.prompt):
        text, directives = split(message.body)
        instructions.append(Instructions(message.id or message.body, directives))
        steps += (_Placed(step, message) for step in _steps(text, directives))
    return Plan(_respond(steps, conversation), instructions)


def _aside(conversation: Conversation) -> Response | None:
    """Answers to what the CLI asks on its own account: titles and the like, which quote the conversation."""
    if _COMPACTION.search(conversation.prompt):
        asked = "\n".join(f'* "{_one_line(prompt)}"' for prompt in conversation.earlier_prompts)
        return Response(f"<summary>\n{NAME.capitalize()} was asked:\n{asked}\n</summary>")
    if conversation.schema is not None:
        return Response(json.dumps(schema.example(conversation.schema)))
    if not conversation.tools and "haiku" in conversation.model:
        return Response(f"A conversation with {NAME}")
    return None


@dataclass(frozen=True)
class _Placed:
    """A step, and the message that asks for it."""

    step: Step
    message: wake.Incoming


def _one_line(prompt: str) -> str:
    """The beginning of a prompt, in a form that asks for nothing when it is read as a prompt."""
    bodies = " ".join(split(message.body)[0] for message in wake.messages(prompt))
    return " ".join(bodies.replace('"', "'").split())[:_MOST_ECHO]


def _steps(text: str, directives: Directives) -> Sequence[Step]:
    problems = [Say(f"I do not know the directive `{problem}`.") for problem in directives.problems]
    steps = list(grammar.steps(text))
    if not any(isinstance(step, Say | Use) or (isinstance(step, Reply) and step.text) for step in steps):
        steps.insert(0, Say(_small_talk(text)))
    return [*problems, *steps]


def _small_talk(text: str) -> str:
    if _GREETING.match(text):
        return f"Hello! I am {NAME} of this hive; no real model is connected."
    quoted = text if len(text) <= _MOST_ECHO else f"{text[:_MOST_ECHO]}…"
    return f'I am {NAME} of this hive; no real model is connected. You wrote: "{quoted}"'


def _respond(steps: Sequence[_Placed], conversation: Conversation) -> Response:
    """The first step that calls a tool and has no outcome yet, or else the report on all of them."""
    outcomes = iter(conversation.outcomes)
    lines: list[str] = []
    seconds = 0.0
    for placed in steps:
        match placed.step:
            case Say(text):
                lines.append(text)
            case Pause(length):
                seconds += length
            case Use() | Reply() as step:
                outcome = next(outcomes, None)
                if outcome is not None:
                    lines.append(_report(outcome))
                    seconds = 0
                elif conversation.tools:
                    return Response(_unhurried(seconds), _tool_use(step, placed.message, lines, conversation), seconds)
                else:
                    lines.append("I was asked to use a tool, but this request offers none.")
    return Response(" ".join(filter(None, [_unhurried(seconds), "\n".join(lines)])), seconds=seconds)


def _unhurried(seconds: float) -> str:
    return f"I take {seconds:g} seconds for this, as I was asked to." if seconds else ""


def _report(outcome: Outcome) -> str:
    result = outcome.result.strip()[:_MOST_RESULT] or "(no output)"
    return f"{_short(outcome.tool)} failed: {result}" if outcome.is_error else f"{_short(outcome.tool)}: {result}"


def _short(tool: str) -> str:
    return tool.rpartition("__")[2]


def _tool_use(step: Use | Reply, message: wake.Incoming, lines: Sequence[str], conversation: Conversation) -> ToolUse:
    match step:
        case Reply(text):
            short = "send"
            given: dict[str, Any] = {"to": message.sender or "operator", "body": text or "\n".join(lines)}
            if message.id:
                given["in_reply_to"] = message.id
        case Use(short, wanted):
            given = dict(wanted)
    name = _resolve(short, conversation.tools)
    place = json.dumps([conversation.prompt, len(conversation.earlier_prompts), len(conversation.outcomes), name])
    return ToolUse(f"toolu_{hashlib.sha256(place.encode()).hexdigest()[:24]}", name, given)


def _resolve(tool: str, offered: Sequence[str]) -> str:
    """The offered tool of that name; else an MCP tool that ends in it; else the hive's, which the CLI may offer later.

    Claude Code 2.1.327 leaves MCP tools out of the request until they are searched for, and runs them all the same.
    """
    if tool in offered or tool[:1].isupper() or "__" in tool:
        return tool
    return next((name for name in offered if name.endswith(f"__{tool}")), f"mcp__hive__{tool}")
