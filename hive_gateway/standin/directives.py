"""Control directives in a message: `[[stand-in: error 529 times=2]]`. Read here, carried out by `faults`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

_DIRECTIVE = re.compile(r"\[\[ ?stand-in:(?P<what>[^\]\n]{1,200})\]\]")


class FaultKind(StrEnum):
    ERROR = "error"
    OVERFLOW = "overflow"
    UNIFIED_LIMIT = "unified-limit"
    DROP_MID_STREAM = "drop-mid-stream"
    SILENT = "silent"


@dataclass(frozen=True)
class Fault:
    """A way in which a request fails."""

    kind: FaultKind
    times: int | None = None
    """How many requests for the same message fail; None is every one."""
    status: int = 500
    """For `error`."""
    in_stream: bool = False
    """For `error`: the answer begins with 200 and the error is an event in it."""
    retry_after: int | None = None
    resets_in: int = 60
    """For `unified-limit`: seconds from the first request; later ones succeed."""
    claim: str = "five_hour"
    """For `unified-limit`: which of the account's limits, `five_hour` or `seven_day`."""


@dataclass(frozen=True)
class Directives:
    """All the directives of one message."""

    faults: Sequence[Fault] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    """Token counts to report in place of the real ones, by their name in the Messages API."""
    delay: float = 0
    """Seconds before the answer begins."""
    problems: Sequence[str] = ()
    """What was not understood, for the answer to say."""


_USAGE = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_creation": "cache_creation_input_tokens",
}


def split(text: str) -> tuple[str, Directives]:
    """The text without its directives, and the directives."""
    faults: list[Fault] = []
    usage: dict[str, int] = {}
    delay = 0.0
    problems: list[str] = []
    for found in _DIRECTIVE.finditer(text):
        name, *words = found["what"].split() or [""]
        plain = [word for word in words if "=" not in word]
        options = dict(word.split("=", 1) for word in words if "=" in word)
        try:
            match name:
                case "usage":
                    usage |= {_USAGE[key]: int(value) for key, value in options.items()}
                case "delay":
                    delay += float(plain[0].removesuffix("s"))
                case _:
                    faults.append(_fault(FaultKind(name), plain, options))
        except (ValueError, KeyError, IndexError):
            problems.append(found["what"].strip())
    return _DIRECTIVE.sub("", text).strip(), Directives(tuple(faults), usage, delay, tuple(problems))


_OPTIONS = frozenset({"times", "retry-after", "resets_in", "claim"})


def _fault(kind: FaultKind, plain: Sequence[str], options: Mapping[str, str]) -> Fault:
    if options.keys() - _OPTIONS:
        raise KeyError(kind)
    return Fault(
        kind=kind,
        times=int(options["times"]) if "times" in options else None,
        status=int(plain[0]) if kind is FaultKind.ERROR else 500,
        in_stream="in-stream" in plain,
        retry_after=int(options["retry-after"]) if "retry-after" in options else None,
        resets_in=int(options.get("resets_in", 60)),
        claim=options.get("claim", "five_hour"),
    )
