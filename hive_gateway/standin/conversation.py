"""What the stand-in needs to know of a Messages API request: the prompt to act on, and what was done about it so far.

Claude Code 2.1.327 puts more into the messages than the two sides said: `<system-reminder>` blocks in user messages
and whole messages with the role `system` between them. Neither is something to act on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_REMINDER = ("<system-reminder>", "</system-reminder>")


@dataclass(frozen=True)
class Outcome:
    """A tool call that came after the prompt, and its result."""

    tool: str
    result: str
    is_error: bool


@dataclass(frozen=True)
class Conversation:
    """One request, read."""

    model: str
    stream: bool
    prompt: str
    """The text of the latest user message that is neither a reminder nor a tool's result; empty when there is none."""
    outcomes: Sequence[Outcome]
    """Of the tool calls since the prompt, in order."""
    tools: Sequence[str]
    """The names that the request offers."""
    schema: Mapping[str, Any] | None
    """The JSON schema that the answer must fit, where the request gives one."""
    earlier_prompts: Sequence[str]


def read(request: Mapping[str, Any]) -> Conversation:
    """Read a request body; what is malformed reads as absent, as the real API's validation is not the point here."""
    prompts: list[str] = []
    outcomes: list[Outcome] = []
    called: dict[str, str] = {}
    for message in _dictionaries(request.get("messages")):
        blocks = _blocks(message.get("content"))
        match message.get("role"):
            case "assistant":
                called |= {str(b.get("id")): str(b.get("name")) for b in blocks if b.get("type") == "tool_use"}
            case "user":
                results = [b for b in blocks if b.get("type") == "tool_result"]
                outcomes += (_outcome(b, called) for b in results)
                if not results and (text := _said(blocks)):
                    prompts.append(text)
                    outcomes.clear()
    return Conversation(
        model=str(request.get("model", "")),
        stream=request.get("stream") is True,
        prompt=prompts[-1] if prompts else "",
        outcomes=tuple(outcomes),
        tools=tuple(str(tool.get("name")) for tool in _dictionaries(request.get("tools"))),
        schema=_schema(request),
        earlier_prompts=tuple(prompts[:-1]),
    )


def text_of(content: object) -> str:
    """The text in a `content` field, which is a string or a list of blocks."""
    return "\n".join(str(block.get("text", "")) for block in _blocks(content) if block.get("type") == "text")


def _blocks(content: object) -> list[Mapping[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(_dictionaries(content))


def _dictionaries(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _said(blocks: Sequence[Mapping[str, Any]]) -> str:
    """The last text that somebody said: after a compaction the summary comes before it in the same message."""
    texts = (_unreminded(str(block.get("text", ""))) for block in blocks if block.get("type") == "text")
    return next((text for text in reversed(list(texts)) if text), "")


def _unreminded(text: str) -> str:
    start, end = _REMINDER
    kept: list[str] = []
    while (begins := text.find(start)) >= 0 and (ends := text.find(end, begins)) >= 0:
        kept.append(text[:begins])
        text = text[ends + len(end) :]
    return "".join([*kept, text]).strip()


def _outcome(block: Mapping[str, Any], called: Mapping[str, str]) -> Outcome:
    return Outcome(
        tool=called.get(str(block.get("tool_use_id")), "a tool"),
        result=text_of(block.get("content")),
        is_error=block.get("is_error") is True,
    )


def _schema(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """`output_config.format`, or the older `output_format`."""
    config = request.get("output_config")
    form = (config.get("format") if isinstance(config, dict) else None) or request.get("output_format")
    schema = form.get("schema") if isinstance(form, dict) else None
    return schema if isinstance(schema, dict) else None
