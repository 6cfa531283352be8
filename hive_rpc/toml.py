"""Reading what a person wrote in TOML: every problem is named by its key, in words."""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hive_rpc.errors import InvalidError
from hive_rpc.faults import said

T = TypeVar("T", bound=BaseModel)

_DEEPEST = 100
"""Parts of one key. tomllib keeps every beginning of a key, so time and memory grow with the square of them."""
_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_DEEP = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*+\.[ \t]*+){{{_DEEPEST}}}")


def load(path: Path, model: type[T]) -> T:
    """A file of configuration; a missing one is all defaults. Raises InvalidError."""
    try:
        return parse(path.read_text(), model, str(path))
    except FileNotFoundError:
        return model()
    except UnicodeDecodeError as error:
        raise InvalidError(f"{path} is not UTF-8 at byte {error.start}.", hint="Correct it and try again.") from error


def parse(text: str, model: type[T], name: str) -> T:
    """A text of configuration that is called `name`. Raises InvalidError with all that is wrong with it."""
    if _DEEP.search(text):
        raise InvalidError(f"{name} has a key of more than {_DEEPEST} parts.", hint="Correct it and try again.")
    try:
        return model.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise InvalidError(f"{name}: {'; '.join(_problems(error))}.", hint="Correct it and try again.") from error
    except RecursionError:
        raise InvalidError(f"{name} is nested too deeply.", hint="Correct it and try again.") from None
    except ValueError as error:
        # Of Python's own, too: it reads no number of thousands of digits.
        raise InvalidError(f"{name} is not TOML: {error}.", hint="Correct it and try again.") from error


def _problems(error: ValidationError) -> list[str]:
    found = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            found.append(f"{key} is not a key that hive knows")
        else:
            words = said(problem)
            words = f"{words[:1].lower()}{words[1:]}"
            found.append(f"{key}: {words}" if key else words)
    return found
