"""Errors between Python and the wire: a HiveError becomes a Varlink error, and a Varlink error a HiveError.

Hive's own family is `org.hive.<Name>` with `message`, `hint`, `retry_after` and `limit`. What Varlink names itself is
`org.varlink.service.<Name>`: a parameter that is not valid, a method or an interface that is not there.
"""

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hive_rpc.errors import HiveError, InvalidError, NotFoundError, family

SERVICE = "org.varlink.service"
INVALID_PARAMETER = f"{SERVICE}.InvalidParameter"


class ServiceError(Exception):
    """An error that Varlink itself names, on its way from the server's dispatch to the wire."""

    def __init__(self, name: str, **parameters: str) -> None:
        super().__init__(name)
        self.name = f"{SERVICE}.{name}"
        self.parameters = parameters


def said(problem: ErrorDetails) -> str:
    """What is wrong, in a validator's own words where it has some."""
    return problem["msg"].removeprefix("Value error, ")


def from_validation(error: ValidationError) -> InvalidError:
    """The first thing that is wrong with a request, in words, and the field that it is about."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return InvalidError(f"{field}: {said(first)}." if field else f"{said(first)}.", field=field)


def to_wire(error: HiveError) -> tuple[str, dict[str, Any]]:
    """The Varlink name and parameters of an error."""
    parameters: dict[str, Any] = {"message": _unicode(error.message), "hint": _unicode(error.hint)}
    if isinstance(error, InvalidError) and error.field:
        return INVALID_PARAMETER, {"parameter": error.field} | parameters
    if error.retry_after is not None:
        parameters["retry_after"] = error.retry_after
    if error.limit is not None:
        parameters["limit"] = error.limit
    return error.varlink_name(), parameters


def from_wire(name: str, parameters: dict[str, Any]) -> HiveError:
    """The error to raise for what a server replied. A name that nobody here knows becomes a plain HiveError."""
    message = _text(parameters, "message")
    hint = _text(parameters, "hint")
    if (cls := family().get(name)) is not None:
        return cls(
            message or None,
            hint=hint,
            retry_after=_number(parameters.get("retry_after")),
            limit=_whole(parameters.get("limit")),
        )
    match name:
        case "org.varlink.service.InvalidParameter":
            field = _text(parameters, "parameter")
            return InvalidError(message or f"{field}: not valid.", hint=hint, field=field)
        case "org.varlink.service.InterfaceNotFound":
            return NotFoundError(f"There is no interface {_text(parameters, 'interface')} on this socket.")
        case "org.varlink.service.MethodNotFound" | "org.varlink.service.MethodNotImplemented":
            return NotFoundError(f"There is no method {_text(parameters, 'method')} on this socket.")
        case "org.varlink.service.ExpectedMore":
            return InvalidError("The method replies more than once, and the call did not ask for that.")
    return HiveError(f"{name}: {message}" if message else name, hint=hint)


def _unicode(text: str) -> str:
    # A file's name, say, may hold bytes that are no text, which Python keeps as lone surrogates and JSON cannot carry.
    return text.encode("utf-8", "backslashreplace").decode()


def _text(parameters: dict[str, Any], key: str) -> str:
    value = parameters.get(key)
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
