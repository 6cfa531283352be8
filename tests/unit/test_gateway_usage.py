"""What an answer used, read from it as it passes."""

import json
import random
from typing import Any

import pytest

from hive_base.prices import Tokens
from hive_gateway.metering.usage import MAX_LINE, UsageReader, Used

USAGE = {
    "input_tokens": 12,
    "cache_read_input_tokens": 3000,
    "cache_creation_input_tokens": 500,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 400},
    "output_tokens": 1,
    "server_tool_use": {"web_search_requests": 2},
}
TOKENS = Tokens(input=12, cache_read=3000, cache_write_5m=100, cache_write_1h=400, output=1)


def event(value: dict[str, Any], end: str = "\n\n") -> bytes:
    return f"event: {value['type']}\ndata: {json.dumps(value)}{end}".encode()


START = event({"type": "message_start", "message": {"model": "claude-x", "usage": USAGE}})
TEXT = event(
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": 'says "usage": {"output_tokens": 9}'}}
)
END = event({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 77}}) + event({"type": "message_stop"})


def read(*pieces: bytes, stream: bool = True, ended: bool = True) -> Used | None:
    reader = UsageReader(stream=stream)
    for piece in pieces:
        reader.feed(piece)
    if ended:
        reader.end()
    return reader.used


def test_a_stream_says_the_prompt_at_its_beginning_and_the_answer_at_its_end() -> None:
    used = read(START, TEXT, END)
    assert used is not None
    assert used.tokens == Tokens(12, 3000, 100, 400, 77)
    assert (used.model, used.searches, used.final) == ("claude-x", 2, True)


def test_it_does_not_matter_where_the_pieces_end() -> None:
    whole = START + TEXT + END
    chance = random.Random(1)
    for _ in range(200):
        cuts = sorted(chance.randrange(len(whole)) for _ in range(chance.randrange(9)))
        pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        assert read(*pieces) == read(whole)


def test_lines_may_end_as_on_any_system() -> None:
    assert read(*(part.replace(b"\n", b"\r\n") for part in (START, TEXT, END))) == read(START, TEXT, END)


def test_a_whole_answer_has_it_all() -> None:
    body = json.dumps({"model": "claude-x", "content": [], "usage": USAGE}).encode()
    assert read(body[:20], body[20:], stream=False) == Used("claude-x", TOKENS, searches=2, final=True)
    assert read(body[:-1], stream=False) is None


def test_one_that_breaks_off_has_used_at_least_what_came() -> None:
    used = read(START, *[TEXT] * 100, ended=False)
    assert used is not None
    assert not used.final
    assert used.tokens.prompt == TOKENS.prompt
    assert used.tokens.output >= 100


@pytest.mark.parametrize(
    "answer",
    [b"", b"data: nonsense\n\n", b'data: {"usage": 7}\n\n', event({"type": "error", "error": {}}), b"\xff" * 99],
)
def test_what_says_nothing_says_nothing(answer: bytes) -> None:
    assert read(answer) is None


@pytest.mark.parametrize("value", [-1, 1.5, "9", None, True, [], {"a": 1}, 10**20])
def test_a_number_that_is_none_counts_as_nothing(value: Any) -> None:
    used = read(event({"type": "message_delta", "usage": {"output_tokens": value, "cache_creation": value}}))
    assert used is not None
    assert used.tokens == Tokens()


def test_a_line_without_end_is_not_kept_and_what_comes_after_it_is_read() -> None:
    reader = UsageReader(stream=True)
    for _ in range(40):
        reader.feed(b"x" * (MAX_LINE // 10))
    assert len(reader._rest) <= MAX_LINE * 1.2
    reader.feed(b"\n\n" + START + END)
    assert reader.used is not None
    assert reader.used.final


def test_what_other_models_and_compactions_used_is_counted_beside() -> None:
    """At the top of the usage is the answer's own model alone, and of that without compactions."""
    compaction = {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500}
    advice = {"type": "advisor_message", "model": "claude-dear", "input_tokens": 20, "output_tokens": 9}
    own = {"type": "message", "input_tokens": 12, "output_tokens": 5}
    end = {"output_tokens": 7, "iterations": [compaction, own, advice, {"type": "new", "input_tokens": 1}, "x", None]}
    used = read(START, event({"type": "message_delta", "usage": end}))
    assert used is not None
    assert used.tokens == Tokens(12, 3000, 100, 400, 7)
    assert used.beside == (
        (None, Tokens(input=180_000, output=3500)),
        ("claude-dear", Tokens(input=20, output=9)),
        (None, Tokens(input=1)),
    )
    assert used.all_tokens == Tokens(180_033, 3000, 100, 400, 3516)


def test_an_attempt_that_is_not_summed_up_at_the_top_is_counted_too() -> None:
    hops = [{"type": "message", "input_tokens": 9000}, {"type": "fallback_message", "model": "m", "input_tokens": 9000}]
    used = read(START, event({"type": "message_delta", "usage": {"output_tokens": 7, "iterations": hops}}))
    assert used is not None
    assert used.tokens.input == 18_000


@pytest.mark.parametrize("more", [{"speed": "fast"}, {"inference_geo": "us"}, {}, {"inference_geo": "global"}])
def test_surcharges_are_told_by_the_usage(more: dict[str, str]) -> None:
    start = event({"type": "message_start", "message": {"model": "claude-x", "usage": USAGE | more}})
    used = read(start, END)
    assert used is not None
    assert (used.fast, used.regional) == ("speed" in more, more.get("inference_geo") == "us")
