"""Varlink's interface definition language, generated from the interface classes and their docstrings.

Source: https://varlink.org/Interface-Definition. It has neither unions nor defaults. A field of a request that has a
default in Python is optional (`?`) in Varlink; in a reply it is always there, so only what can be None is optional.
"""

import ast
import functools
import inspect
import itertools
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime

from hive_rpc.errors import ERROR_INTERFACE, family
from hive_rpc.interface import Interface, Method, declaration, methods
from hive_rpc.types import Model

_SCALARS: dict[object, str] = {str: "string", int: "int", float: "float", bool: "bool", AwareDatetime: "string"}
_INTERFACE_NAME = re.compile(r"[A-Za-z](-*[A-Za-z0-9])*(\.[A-Za-z0-9](-*[A-Za-z0-9])*)+")
_MEMBER_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_FIELD_NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
_ERRORS = """The errors of all of Hive's interfaces.

`message` is what happened, `hint` what to do about it, `retry_after` the seconds after which another try makes sense,
and `limit` the limit that was hit, in its own unit."""
_ERROR_FIELDS = "(message: string, hint: string, retry_after: ?float, limit: ?int)"

Named = type[Model] | type[StrEnum]


class UndescribableError(TypeError):
    """An interface says something that Varlink's language has no words for."""


def describe(interface: type[Interface]) -> str:
    """The `.varlink` text of an interface. Raises UndescribableError when there can be none."""
    declared = declaration(interface)
    found = list(methods(declared).values())
    sent = nested(method.request for method in found)
    named = sent | nested(method.reply for method in found)
    names = [cls.__name__ for cls in named] + [method.wire_name for method in found]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise UndescribableError(f"{declared.varlink_name} has more than one {', '.join(sorted(doubled))}")

    lines = [*_comment(declared.__doc__), f"interface {_checked(declared.varlink_name, _INTERFACE_NAME)}"]
    for cls in named:
        lines += ["", *_comment(cls.__doc__)]
        head = f"type {_checked(cls.__name__, _MEMBER_NAME)} "
        lines += _enum(head, cls) if issubclass(cls, StrEnum) else _struct(head, cls, sent=cls in sent)
    for method in found:
        lines += ["", *_comment(method.doc), *_comment(_how_to_call(method))]
        *request, end = _struct(f"method {_checked(method.wire_name, _MEMBER_NAME)}", method.request, sent=True)
        lines += [*request, *_struct(f"{end} -> ", method.reply, sent=False)]
    return "\n".join(lines) + "\n"


def describe_errors() -> str:
    """The `.varlink` text of the interface that holds the error family and nothing else."""
    lines = [*_comment(_ERRORS), f"interface {ERROR_INTERFACE}"]
    for name, error in sorted(family().items()):
        lines += ["", *_comment(error.__doc__), f"error {name.rpartition('.')[2]} {_ERROR_FIELDS}"]
    return "\n".join(lines) + "\n"


def _how_to_call(method: Method) -> str:
    return "Replies more than once, to a call with `more`." if method.streaming else ""


def nested(models: Iterable[type[Model]]) -> dict[Named, None]:
    """The types inside the fields of models, at any depth, in order of appearance."""
    found: dict[Named, None] = {}

    def visit(model: type[Model]) -> None:
        for field in model.model_fields.values():
            for cls in _classes(field.annotation):
                if cls not in found:
                    found[cls] = None
                    if issubclass(cls, Model):
                        visit(cls)

    for model in models:
        visit(model)
    return found


def _classes(annotation: Any) -> Iterator[Named]:
    if isinstance(annotation, type) and issubclass(annotation, Model | StrEnum):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _classes(argument)


def _struct(head: str, model: type[Model], *, sent: bool) -> list[str]:
    lines: list[str] = []
    documented = _attribute_docs(model)
    for name, field in model.model_fields.items():
        text = _type(field.annotation)
        if sent and not field.is_required() and not text.startswith("?"):
            text = f"?{text}"
        lines += [*_comment(documented.get(name), "  "), f"  {_checked(name, _FIELD_NAME)}: {text},"]
    if not lines:
        return [f"{head}()"]
    return [f"{head}(", *lines[:-1], lines[-1].removesuffix(","), ")"]


def _enum(head: str, cls: type[StrEnum]) -> list[str]:
    lines: list[str] = []
    documented = _attribute_docs(cls)
    for member in cls:
        lines += [*_comment(documented.get(member.name), "  "), f"  {_checked(member.value, _FIELD_NAME)},"]
    return [f"{head}(", *lines[:-1], lines[-1].removesuffix(","), ")"]


def _type(annotation: Any) -> str:
    if (scalar := _SCALARS.get(annotation)) is not None:
        return scalar
    if isinstance(annotation, type) and issubclass(annotation, Model | StrEnum):
        return annotation.__name__
    arguments = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case typing.Annotated:
            return _type(arguments[0])
        case typing.Union | types.UnionType:
            inner = [argument for argument in arguments if argument is not types.NoneType]
            if len(inner) == 1 and len(arguments) == 2:
                return f"?{_type(inner[0])}"
        case builtin if builtin is list:
            return f"[]{_type(arguments[0])}"
        case builtin if builtin is dict and arguments[0] is str:
            return "object" if arguments[1] is Any else f"[string]{_type(arguments[1])}"
    raise UndescribableError(f"Varlink has no type for {annotation}")


def _checked(name: str, grammar: re.Pattern[str]) -> str:
    if not grammar.fullmatch(name):
        raise UndescribableError(f"{name} is no name that Varlink allows")
    return name


def _comment(text: str | None, indent: str = "") -> list[str]:
    return [f"{indent}# {line}".rstrip() for line in inspect.cleandoc(text or "").splitlines()]


def _attribute_docs(cls: type) -> dict[str, str]:
    """The docstrings below the attributes of a class and of its bases. Python keeps none of them; the source does."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base is cls or issubclass(base, Model):
            found |= _module_docs(base.__module__).get(base.__qualname__, {})
    return found


@functools.cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: dict(_documented(node.body)) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, following in itertools.pairwise(body):
        match statement, following:
            case (
                (ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)])),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, text
