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


@pytest.mark.parametrize("second", [b'"model"', rb'"\u006dodel"', b'"max_tokens"'])
def test_what_two_parsers_could_read_differently_is_refused(second: bytes) -> None:
    with pytest.raises(ApiError, match="more than once"):
        read(b'{"model": "cheap", "max_tokens": 1, ' + second + b': "dear"}')


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
        b"{" + b'"k": 1,' * 100_000 + b'"model": "x"}',
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
