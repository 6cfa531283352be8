"""Finding secrets where only their names belong: managers read a configuration, git keeps it, and diffs show it."""

import re
from collections.abc import Iterator

# By the prefixes that their makers gave them so that they can be found. An agent may have written the text, and core
# waits for the search: no pattern may begin again at each character of a run that it has just read to its end.
_KEYS = {
    "an Anthropic key or token": r"sk-ant-[A-Za-z0-9_-]{8,}",
    "an API key": r"\bsk-(?:proj-)?[A-Za-z0-9_-]{20,}",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{16,}",
    "an AWS key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a Google key": r"\bAIza[A-Za-z0-9_-]{30,}",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{20,}",
    "a PyPI token": r"\bpypi-[A-Za-z0-9_-]{20,}",
    "an npm token": r"\bnpm_[A-Za-z0-9]{30,}",
    "a JSON web token": r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a password in an address": r"(?<=[a-z0-9+.-]://)[^/\s:@]*:[^/\s:@]+@",
}
_FOUND = {what: re.compile(pattern) for what, pattern in _KEYS.items()}


def secrets_in(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """What looks like a secret, as (dotted key, what it looks like)."""
    match value:
        case str():
            for what, pattern in _FOUND.items():
                if pattern.search(value):
                    yield key, what
                    return
        case dict():
            for name, inner in value.items():
                yield from secrets_in(inner, f"{key}.{name}" if key else str(name))
        case list():
            for position, inner in enumerate(value):
                yield from secrets_in(inner, f"{key}.{position}")
