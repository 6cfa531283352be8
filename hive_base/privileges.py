"""Becoming somebody else before a program is run."""

from collections.abc import Sequence


def as_user(uid: int) -> Sequence[str]:
    """The words before a command (setpriv(1)): the user and group of this number, and nothing of root is left."""
    return (
        *("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs"),
        *("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--"),
    )
