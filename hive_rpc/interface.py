"""How an interface is written down: a class with a Varlink name whose methods (or its bases') are marked `@rpc`.

A method takes one request model and returns one reply model, or an async iterator of reply models (Varlink's `more`).
`send_later` in Python is `SendLater` on the wire. A server implements the interface by subclassing it; a client gets
an instance whose methods make the calls (`hive_rpc.client`); the `.varlink` text is generated from it.
"""

import collections.abc
import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from hive_rpc.types import Model, Role

F = TypeVar("F", bound=Callable[..., Any])


def rpc(role: Role | None = None, *, waits: bool = False, confirmed: bool = False) -> Callable[[F], F]:
    """Mark a method as part of the interface; `role` is what an operator needs to call it.

    With `waits` it is a long poll: the call is cancelled when its caller goes, as a stream is. Every other call that
    has begun runs to its end, because its effect may be half done. With `confirmed` whoever calls on `web.sock` gives
    their password once more.
    """

    def mark(function: F) -> F:
        function.__rpc_role__ = role  # type: ignore[attr-defined]
        function.__rpc_waits__ = waits  # type: ignore[attr-defined]
        function.__rpc_confirmed__ = confirmed  # type: ignore[attr-defined]
        function.__isabstractmethod__ = True  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True)
class Method:
    """One method of an interface, resolved from its annotations."""

    interface: str
    attribute: str
    """The Python name."""
    wire_name: str
    """The name on the wire, without the interface."""
    request: type[Model]
    reply: type[Model]
    streaming: bool
    waits: bool
    confirmed: bool
    role: Role | None
    doc: str

    @property
    def full_name(self) -> str:
        return f"{self.interface}.{self.wire_name}"


class Interface:
    """The base of every interface class."""

    varlink_name: ClassVar[str]
    sockets: ClassVar[Sequence[str]]
    """Where it is served, below `/run/hive` or in the container; for the documentation."""

    def __init_subclass__(cls, *, name: str | None = None, sockets: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name is not None:
            cls.varlink_name = name
            cls.sockets = sockets


_methods: dict[type["Interface"], dict[str, Method]] = {}


def methods(interface: type[Interface]) -> dict[str, Method]:
    """The methods of an interface, or of what implements it, by wire name, in the order in which they are written."""
    if interface not in _methods:
        _methods[interface] = _resolve(interface)
    return _methods[interface]


def declaration(interface: type[Interface]) -> type[Interface]:
    """The class that declares the interface, for that class itself or for what implements it."""
    return next(cls for cls in interface.__mro__ if "varlink_name" in cls.__dict__)


def _resolve(interface: type[Interface]) -> dict[str, Method]:
    found: dict[str, Method] = {}
    parts = declaration(interface).__mro__
    for attribute, function in (entry for part in parts for entry in part.__dict__.items()):
        if not hasattr(function, "__rpc_role__"):
            continue
        hints = typing.get_type_hints(function)
        reply = hints["return"]
        streaming = typing.get_origin(reply) is collections.abc.AsyncIterator
        if streaming:
            (reply,) = typing.get_args(reply)
        wire_name = "".join(part.capitalize() for part in attribute.split("_"))
        found[wire_name] = Method(
            interface=interface.varlink_name,
            attribute=attribute,
            wire_name=wire_name,
            request=hints["request"],
            reply=reply,
            streaming=streaming,
            waits=function.__rpc_waits__,
            confirmed=function.__rpc_confirmed__,
            role=function.__rpc_role__,
            doc=inspect.getdoc(function) or "",
        )
    return found
