"""What the gateway reads of a request's body while it passes."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_gateway.envelope import DEFAULT_MAX_TOKENS, Envelope, EnvelopeReader
from hive_gateway.errors import ApiError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(*pieces: bytes) -> Envelope:
    reader = EnvelopeReader()
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


@given(st.dictionaries(st.text(), JSON, max_size=6), st.text(), st.integers(0, 10**6), st.randoms(), st.booleans())
def test_it_finds_what_a_parser_finds_wherever_the_pieces_end(
    others: dict[str, object], model: str, most: int, chance: random.Random, ascii_only: bool
) -> None:
    items = [(k, v) for k, v in others.items() if k not in ("model", "max_tokens")]
    items += [("model", model), ("max_tokens", most)]
    chance.shuffle(items)
    body = json.dumps(dict(items), ensure_ascii=ascii_only, indent=chance.choice([None, 2])).encode(errors="replace")
    cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.randrange(6)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]

    found = read(*pieces)

    assert found == Envelope(json.loads(body)["model"], most)


def test_a_key_that_is_spelled_with_escapes_is_the_key() -> None:
    assert read(rb'{"m\u006fdel": "claude-x", "max_tokens": 5}') == Envelope("claude-x", 5)


def test_keys_deeper_down_are_somebody_else_s() -> None:
    body = b'{"a": {"model": "cheap"}, "b": "\\"model\\": \\"cheap\\"", "model": "dear", "c": [{"model": "cheap"}]}'
    assert read(body) == Envelope("dear", DEFAULT_MAX_TOKENS)


@given(st.lists(st.tuples(st.text(max_size=20), JSON), max_size=4), st.randoms(), st.booleans())
def test_models_that_tools_and_fallbacks_name_are_found_wherever_they_are(
    others: list[tuple[str, object]], chance: random.Random, ascii_only: bool
) -> None:
    def item(model: str | None) -> dict[str, object]:
        pairs = [(k, v) for k, v in others if k != "model"]
        pairs += [] if model is None else [("model", model)]
        chance.shuffle(pairs)
        return dict(pairs)

    top: list[tuple[str, object]] = [
        ("model", "a"),
        ("tools", [item(None), item("b"), item(None)]),
        ("fallbacks", [item("c"), {"model": "d"}]),
        ("messages", [{"role": "user", "content": [{"input": {"model": "theirs"}}], "model": "theirs"}]),
    ]
    chance.shuffle(top)
    body = json.dumps(dict(top), ensure_ascii=ascii_only, indent=chance.choice([None, 3])).encode(errors="replace")
    cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.randrange(6)))
    found = read(*(body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)))
    assert (found.model, found.also) == ("a", ("c", "d", "b"))


@pytest.mark.parametrize(
    ("body", "also"),
    [
        (rb'{"model": "a", "t\u006fols"   :   [{"mod\u0065l": "b"}]}', ("b",)),
        (b'{"model": "a", "tools": {"model": "b"}}', ("b",)),
        (b'{"model": "a", "tools": "model", "x": [{"model": "b"}]}', ()),
        (b'{"model": "a", "tools": [{"input_schema": {"properties": {"model": {"model": "b"}}}}]}', ()),
        (b'{"model": "a", "fallbacks": "default", "messages": [{"model": "b"}]}', ()),
        (b'{"model": "a", "tools": [{"description": "' + b"x" * 99_999 + b'", "model": "b"}]}', ("b",)),
        (b'{"model": "a", "tools": [{"model": "' + b"b" * 9999 + b'"}]}', ("",)),
    ],
)
def test_how_a_tool_names_a_model(body: bytes, also: tuple[str, ...]) -> None:
    assert read(body).also == also
    assert read(*(body[i : i + 1] for i in range(len(body)))).also == also


def test_a_thousand_long_tools_are_no_reason_to_refuse() -> None:
    tool = {"name": "x" * 60, "description": "y" * 2000, "input_schema": {"type": "object", "properties": {"z": {}}}}
    reader = EnvelopeReader()
    reader.feed(json.dumps({"model": "a", "max_tokens": 1, "tools": [tool] * 1000}).encode())
    assert reader.finish() == Envelope("a", 1)


def test_surcharges_are_asked_for_at_the_top() -> None:
    found = read(b'{"model": "a", "speed": "fast", "inference_geo": "us"}')
    assert (found.fast, found.regional) == (True, True)
    found = read(b'{"model": "a", "speed": "standard", "inference_geo": "global", "x": {"speed": "fast"}}')
    assert (found.fast, found.regional) == (False, False)


@pytest.mark.parametrize("second", [b'"model"', rb'"\u006dodel"', b'"max_tokens"'])
def test_what_two_parsers_could_read_differently_is_refused(second: bytes) -> None:
    with pytest.raises(ApiError, match="more than once"):
        read(b'{"model": "cheap", "max_tokens": 1, ' + second + b': "dear"}')


@pytest.mark.parametrize(
    "tools",
    [b'"tools": [], "tools": [{"model": "dear"}]', b'"tools": [{"model": "cheap", "model": "dear"}]'],
)
def test_tools_that_two_parsers_could_read_differently_are_refused(tools: bytes) -> None:
    with pytest.raises(ApiError, match="more than once"):
        read(b'{"model": "cheap", ' + tools + b"}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"model"',
        b"{",
        b'{"model": "x"',
        b'{"model": "x"} {"model": "y"}',
        b'{"messages": []}',
        b'{"model": ["x"]}',
        b'{"model": {"model": "x"}}',
        '{"model": "x"}'.encode("utf-16"),
        b'{"model": "\xff"}',
        b"\x1f\x8b\x08\x00",
        b"{" + b'"k": 1,' * 200_000 + b'"model": "x"}',
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        read(body)
    assert refused.value.status == 400


def test_a_long_prompt_at_the_top_is_not_kept() -> None:
    reader = EnvelopeReader()
    reader.feed(b'{"model": "claude-x", "system": "')
    for _ in range(200):
        reader.feed(rb"caf\u00e9 \\ \" { [ " * 1000)
    reader.feed(b'", "max_tokens": 7}')

    assert len(reader._top) < 10_000
    assert reader.finish() == Envelope("claude-x", 7)


def test_nesting_without_end_costs_no_memory() -> None:
    reader = EnvelopeReader()
    for _ in range(10):
        reader.feed(b"[" * 10_000)
    assert len(reader._top) < 100
