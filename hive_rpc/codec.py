"""Varlink's wire format: JSON objects, each ended by a NUL. Bytes in, bytes out; nothing here touches a socket.

Source: https://varlink.org/Method-Call, and for the flags of a call `org.varlink.service` as systemd speaks it.
"""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from hive_rpc.errors import TooLargeError
from hive_rpc.types import MAX_FRAME, Model


class ProtocolError(Exception):
    """The peer sent something that is not Varlink; nothing after it on the connection can be trusted."""


class FrameBuffer:
    """Cuts a byte stream into frames, however it arrives in pieces. Holds at most one unfinished frame.

    Source of the limit: `MAX_FRAME`. After a frame over it, `overflow` is set and what follows is thrown away.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self.overflow = False

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes, in order and without their NULs."""
        if self.overflow:
            return []
        *frames, rest = data.split(b"\0")
        if frames and self._rest:
            frames[0] = bytes(self._rest) + frames[0]
            self._rest.clear()
        # Into one buffer: a list of pieces would take many times their size from a peer that sends byte by byte.
        self._rest += rest
        if max(map(len, frames), default=0) > MAX_FRAME:
            self._overflow()
            return list(takewhile(lambda frame: len(frame) <= MAX_FRAME, frames))
        if len(self._rest) > MAX_FRAME:
            self._overflow()
        return frames

    def _overflow(self) -> None:
        self.overflow = True
        self._rest.clear()


class Call(NamedTuple):
    """A method call as it arrived; `parameters` are not validated yet."""

    method: str
    parameters: dict[str, Any]
    more: bool
    oneway: bool


class Reply(NamedTuple):
    """A reply as it arrived. With `error` set, the parameters are the error's."""

    parameters: dict[str, Any]
    continues: bool
    error: str | None


END_OF_STREAM = b'{"parameters":{}}\0'
"""Ends a stream that is over: the one reply without `continues`, and it carries nothing.

Varlink marks the last *item* instead, but whether an item is the last is known only when the next one does not come,
and an item must not wait for that.
"""


def encode_call(method: str, request: Model, *, more: bool = False, oneway: bool = False) -> bytes:
    """Raises TooLargeError for a call over `MAX_FRAME`, PydanticSerializationError for one that JSON cannot carry."""
    flags = (b',"more":true' if more else b"") + (b',"oneway":true' if oneway else b"")
    return _frame(b'{"method":"%b"%b,"parameters":%b}' % (method.encode(), flags, _json(request)), f"The call {method}")


def encode_reply(reply: Model, *, continues: bool = False) -> bytes:
    """Raises TooLargeError for a reply over `MAX_FRAME`, PydanticSerializationError for one that JSON cannot carry."""
    flags = b'"continues":true,' if continues else b""
    return _frame(b'{%b"parameters":%b}' % (flags, _json(reply)), "The reply")


def encode_error(name: str, parameters: Mapping[str, Any]) -> bytes:
    """Raises TooLargeError for an error over `MAX_FRAME`."""
    return _frame(to_json({"error": name, "parameters": parameters}), "The reply")


def decode_call(frame: bytes) -> Call:
    """Raises ProtocolError when the frame is no method call."""
    match _object(frame):
        case {"method": str(method), **rest}:
            parameters = rest.get("parameters")
            if parameters is None:
                parameters = {}
            elif not isinstance(parameters, dict):
                raise ProtocolError("the parameters of a call are not an object")
            return Call(method, parameters, rest.get("more") is True, rest.get("oneway") is True)
    raise ProtocolError("a frame is not a method call")


def decode_reply(frame: bytes) -> Reply:
    """Raises ProtocolError when the frame is no reply."""
    value = _object(frame)
    parameters = value.get("parameters")
    if parameters is None:
        parameters = {}
    error = value.get("error")
    if not isinstance(parameters, dict) or not (error is None or isinstance(error, str)):
        raise ProtocolError("a frame is not a reply")
    return Reply(parameters, value.get("continues") is True, error)


def _object(frame: bytes) -> dict[str, Any]:
    try:
        value = from_json(frame, allow_inf_nan=False)
    except ValueError as error:
        raise ProtocolError(f"a frame is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ProtocolError("a frame is not a JSON object")
    return value


def _json(model: Model) -> bytes:
    # To Varlink, an optional field that is null and one that is left out are the same thing.
    return model.__pydantic_serializer__.to_json(model, exclude_none=True)


def _frame(frame: bytes, what: str) -> bytes:
    if len(frame) > MAX_FRAME:
        raise too_large(what)
    return frame + b"\0"


def too_large(what: str) -> TooLargeError:
    return TooLargeError(
        f"{what} is over the limit of {MAX_FRAME} bytes.", hint="Do it in smaller pieces.", limit=MAX_FRAME
    )
