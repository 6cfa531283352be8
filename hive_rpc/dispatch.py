"""From a call to the handler's method that answers it, and from what it raised to the error on the wire."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from hive_rpc import codec, faults
from hive_rpc.errors import HiveError, TooLargeError
from hive_rpc.faults import ServiceError
from hive_rpc.interface import Interface, Method, methods
from hive_rpc.introspect import Service
from hive_rpc.types import MAX_VALUES, Model

log = logging.getLogger(__name__)


class Bound(NamedTuple):
    """A call that may be made: the handler's own method, and its request, validated."""

    method: Method
    function: Callable[[Model], Any]
    request: Model


class Dispatcher:
    """The handlers of one connection by interface, and Varlink's own beside them."""

    def __init__(self, handlers: Sequence[Interface]) -> None:
        self._handlers = {handler.varlink_name: handler for handler in handlers}
        self._handlers[Service.varlink_name] = Service([type(handler) for handler in handlers])

    def bind(self, call: codec.Call) -> Bound:
        """Raises ServiceError for a call that nobody answers.

        Raises InvalidError for parameters that are not valid, TooLargeError for too many.
        """
        interface, _, name = call.method.rpartition(".")
        handler = self._handlers.get(interface)
        if handler is None:
            raise ServiceError("InterfaceNotFound", interface=interface)
        method = methods(type(handler)).get(name)
        if method is None:
            raise ServiceError("MethodNotFound", method=call.method)
        function = getattr(handler, method.attribute)
        if hasattr(function, "__rpc_role__"):
            # The interface's own method: the handler does not override it.
            raise ServiceError("MethodNotImplemented", method=call.method)
        if method.streaming and (call.oneway or not call.more):
            raise ServiceError("ExpectedMore")
        _check_number(call.parameters)
        try:
            request = method.request.__pydantic_validator__.validate_python(call.parameters)
        except ValidationError as error:
            raise faults.from_validation(error) from error
        return Bound(method, function, request)

    async def closed(self) -> None:
        """Tell the handlers that their connection has ended."""
        for handler in self._handlers.values():
            if (closed := getattr(handler, "closed", None)) is not None:
                try:
                    await closed()
                except Exception:
                    log.exception("%s failed when its connection ended", type(handler).__name__)


def _check_number(parameters: dict[str, Any]) -> None:
    """Before anything looks at each of them: 300,000 wrong ones take seconds to complain about."""
    containers: list[Any] = [parameters]
    left = MAX_VALUES
    while containers:
        container = containers.pop()
        left -= len(container)
        if left < 0:
            raise TooLargeError(
                f"The call has more than {MAX_VALUES} values.", hint="Do it in smaller pieces.", limit=MAX_VALUES
            )
        values = container.values() if isinstance(container, dict) else container
        containers += [value for value in values if isinstance(value, dict | list)]


def error_frame(error: HiveError | ServiceError) -> bytes:
    """The reply for a call that was refused or failed."""
    name, parameters = faults.to_wire(error) if isinstance(error, HiveError) else (error.name, error.parameters)
    try:
        return codec.encode_error(name, parameters)
    except TooLargeError as too_large:
        return codec.encode_error(*faults.to_wire(too_large))
