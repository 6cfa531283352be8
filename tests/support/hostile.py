"""Text as an agent could write it to take over whoever reads it, and models in which every string is that."""

import contextlib
import enum
import types
import typing
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

HOSTILE = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=\"window.pwned=2\"><svg onload='window.pwned=3'><pwned-element data-pwned=1>",
    "\"><pwned-element onmouseover=window.pwned=4>' autofocus onfocus='window.pwned=5",
    "</textarea></title></style></template></pre><script>window.pwned=6</script><!--",
    '[click](javascript:window.pwned=7) <javascript:window.pwned=7> ![x](x" onerror="window.pwned=8)',
    '[a](https://x.example/"onmouseover="window.pwned=9) https://x.example/\'"><pwned-element>',
    "```html\n<pwned-element>\n```\n`<pwned-element>`\n**<pwned-element>**\n- <pwned-element>",
    "{{ 7777 * 7777 }} {% raw %} ${7777*7777} #{7777*7777} [[ pwned ]] {{ config.__class__ }}",
    "\x1b[2J\x1b[31mred \x1b]0;pwned\x07 \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x9b2J \x9d0;pwned\x9c \x1bP$q\x1b\\",
    "\u202egnp.exe\u202c \u2066isolated\u2069 \u2028 \u2029 \x7f\x08\x08\x00 a\rb",
    "data: x\n\nevent: reset\r\n\r\nid: 7\r\nSet-Cookie: pwned=1",
    "[bold red]markup[/] [link=http://x.example]x[/link] :bee: %s %n {0}",
)
ALL = "\n".join(HOSTILE)
LONG = "<b>" + "x" * 100_000
CONTROLS = {chr(n) for n in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))} - set(
    "\n\t"
)
"""What may be on no terminal and no page."""


def hostile(model: type[BaseModel], text: str = ALL, **kept: Any) -> Any:
    """One of the model's, with this text wherever a string may be, one item in each list, and every option there."""
    values = {}
    for name, field in model.model_fields.items():
        values[name] = kept[name] if name in kept else _value(field.annotation, field, text)
    return model.model_validate(values)


def _value(annotation: Any, field: FieldInfo | None, text: str) -> Any:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _text(annotation, text) if inner[0] is str else _value(inner[0], None, text)
    if origin in (typing.Union, types.UnionType):
        return _value(next(a for a in inner if a is not type(None)), field, text)
    if origin is list:
        return [_value(inner[0], None, text)]
    if origin is dict:
        return {text: _value(inner[1], None, text)}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return next(iter(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return hostile(annotation, text)
    if annotation is str:
        return _text(typing.Annotated[(str, *field.metadata)] if field and field.metadata else str, text)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return {bool: True, int: 1, float: 1.0, AwareDatetime: moment}.get(annotation, text)


def _text(annotation: Any, text: str) -> str:
    """A name where only a name, and the hash of a commit where only that, may be."""
    for attempt in (text, text[:100], "worker", "a" * 40):
        try:
            return str(TypeAdapter(annotation).validate_python(attempt))
        except ValidationError:
            continue
    raise AssertionError(f"nothing fits {annotation}")


def poisoned(item: Any, text: str, kept: frozenset[str] = frozenset()) -> Any:
    """A copy with this text in place of every string that may be it, at any depth, but for fields of these names."""
    if isinstance(item, BaseModel):
        update = {}
        for name, field in type(item).model_fields.items():
            if name not in kept:
                value = poisoned(getattr(item, name), text, kept)
                annotation: Any = field.annotation
                whole = typing.Annotated[(annotation, *field.metadata)] if field.metadata else annotation
                with contextlib.suppress(ValidationError):
                    update[name] = TypeAdapter(whole).validate_python(value)
        return item.model_copy(update=update)
    if isinstance(item, list):
        return [poisoned(one, text, kept) for one in item]
    if isinstance(item, dict):
        known = {name: poisoned(value, text, kept) for name, value in item.items()}
        return known | ({text: next(iter(known.values()))} if known else {})
    return text if type(item) is str else item
