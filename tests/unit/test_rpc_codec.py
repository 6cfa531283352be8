import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_rpc import codec
from hive_rpc.codec import FrameBuffer, ProtocolError
from hive_rpc.errors import TooLargeError
from hive_rpc.types import MAX_FRAME, Empty, Model, Object

FRAME = st.binary(max_size=40).map(lambda data: data.replace(b"\0", b"-"))


class Note(Model):
    text: str
    about: str | None = None
    extra: Object = {}


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(FRAME), FRAME, st.lists(st.integers(min_value=0)))
def test_however_the_stream_is_cut_the_frames_are_the_same(
    frames: list[bytes], unfinished: bytes, cuts: list[int]
) -> None:
    buffer = FrameBuffer()
    stream = b"".join(frame + b"\0" for frame in frames) + unfinished
    assert [frame for piece in pieces_of(stream, cuts) for frame in buffer.feed(piece)] == frames
    assert buffer.feed(b"\0") == [unfinished]
    assert not buffer.overflow


@given(st.lists(FRAME, max_size=3), st.lists(st.integers(min_value=0), max_size=5), st.booleans())
def test_a_frame_over_the_limit_ends_the_stream_after_the_frames_before_it(
    frames: list[bytes], cuts: list[int], ended: bool
) -> None:
    buffer = FrameBuffer()
    stream = b"".join(frame + b"\0" for frame in frames) + b"x" * (MAX_FRAME + 1) + (b"\0after\0" if ended else b"")
    assert [frame for piece in pieces_of(stream, cuts) for frame in buffer.feed(piece)] == frames
    assert buffer.overflow
    assert buffer.feed(b"more\0") == []


def test_a_frame_of_just_the_limit_is_taken() -> None:
    buffer = FrameBuffer()
    assert buffer.feed(b"x" * MAX_FRAME) == []
    assert [len(frame) for frame in buffer.feed(b"\0")] == [MAX_FRAME]
    assert not buffer.overflow


def test_a_call_survives_the_wire() -> None:
    frame = codec.encode_call("org.hive.Agent.Send", Note(text="a\0b\u2028ü"), more=True)
    assert frame.count(b"\0") == 1
    assert codec.decode_call(frame[:-1]) == codec.Call(
        "org.hive.Agent.Send", {"text": "a\0b\u2028ü", "extra": {}}, more=True, oneway=False
    )


def test_what_is_none_is_left_out_but_not_inside_an_object_of_somebody_else() -> None:
    frame = codec.encode_reply(Note(text="t", extra={"theirs": None}), continues=True)
    assert codec.decode_reply(frame[:-1]) == codec.Reply(
        {"text": "t", "extra": {"theirs": None}}, continues=True, error=None
    )


def test_parameters_may_be_left_out() -> None:
    assert codec.decode_call(b'{"method":"a.b.C"}').parameters == {}
    assert codec.decode_call(b'{"method":"a.b.C","parameters":null}').parameters == {}
    assert codec.decode_reply(b"{}") == codec.Reply({}, continues=False, error=None)


def test_nothing_over_the_limit_is_made() -> None:
    codec.encode_call("a.b.C", Note(text="x" * (MAX_FRAME - 100)))
    with pytest.raises(TooLargeError) as caught:
        codec.encode_call("a.b.C", Note(text="x" * MAX_FRAME))
    assert caught.value.limit == MAX_FRAME
    with pytest.raises(TooLargeError):
        codec.encode_reply(Note(text="x" * MAX_FRAME))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"method"',
        b"{}",
        b'{"method":3}',
        b'{"method":"a.b.C","parameters":[]}',
        b'{"method":"a.b.C"} {}',
        b'{"method":"a.b.C","parameters":{"x":NaN}}',
        b'{"method":"\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_a_call_is_refused(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        codec.decode_call(frame)


@pytest.mark.parametrize("frame", [b"", b"[]", b'{"parameters":3}', b'{"error":7}'])
def test_what_is_not_a_reply_is_refused(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        codec.decode_reply(frame)


def test_a_call_without_parameters_and_its_reply_carry_an_empty_object() -> None:
    assert codec.encode_call("a.b.C", Empty(), oneway=True) == b'{"method":"a.b.C","oneway":true,"parameters":{}}\0'
    assert codec.encode_reply(Empty()) == b'{"parameters":{}}\0'


def test_a_frame_in_tiny_pieces_takes_no_more_memory_than_its_size() -> None:
    buffer = FrameBuffer()
    tracemalloc.start()
    try:
        for _ in range(100_000):
            buffer.feed(bytes((49, 50)))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 200_000 <= kept < 400_000
    assert buffer.feed(b"\0") == [b"12" * 100_000]
