"""Views as JSON for the browser."""

import json
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from hive_web.markdown import Node, as_json
from hive_web.view.times import iso


def _encode(value: Any) -> Any:
    if isinstance(value, Node):
        return as_json((value,))[0]
    if isinstance(value, datetime):
        return iso(value)
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} is not a view.")


def dumps(view: Any) -> str:
    """One line: newlines in text are escaped, as an SSE `data:` field needs it."""
    return json.dumps(view, default=_encode, ensure_ascii=True, separators=(",", ":"))
