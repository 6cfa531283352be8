"""Importing much at once, quickly."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """What is made in the block stays for ever, and is never looked through for garbage.

    Imports make so many objects that the collector would go through all of them again and again: with the SDK that is
    a quarter of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
