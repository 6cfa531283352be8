"""Views as JSON for the browser."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from hive_web.markdown import Node, as_json
from hive_web.readable import readable
from hive_web.view.times import iso


def dumps(view: Any) -> str:
    """One line, as an SSE `data:` field needs it. Every text in it is readable, as on a page (hive_web/render.py)."""
    return json.dumps(_plain(view), ensure_ascii=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    match value:
        case str():
            return readable(value)
        case None | bool() | int() | float():
            return value
        case datetime():
            return iso(value)
        case Node():
            return _plain(as_json((value,))[0])
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case Sequence():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} is not a view.")
