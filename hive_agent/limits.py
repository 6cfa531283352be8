"""Bounds on what travels from a turn to core, and how something over one is cut."""

MAX_EVENT_TEXT = 64 * 1024
"""Characters of one event's text, tool input or tool result."""
MAX_BATCH_EVENTS = 100
MAX_BATCH_TEXT = 128 * 1024
"""Characters of all events that go in one call: with every character escaped in JSON it still fits into a frame."""

MAX_TURNS_IN_A_ROW = 5
"""Turns that the model can ask for one after the other before a message has to come."""


def cut(text: str, limit: int = MAX_EVENT_TEXT) -> str:
    """The text, or its beginning with a mark that says how much is missing."""
    if len(text) <= limit:
        return text
    mark = f"\n[… {len(text) - limit} more characters]"
    return text[:limit] + mark


def cut_utf8(text: str, limit: int) -> str:
    """The text, or as much of its beginning as fits into `limit` bytes together with the mark."""
    data = text.encode(errors="replace")
    if len(data) <= limit:
        return text
    mark = "\n[… cut, it was too long for a message]"
    return data[: limit - len(mark.encode())].decode(errors="ignore") + mark
