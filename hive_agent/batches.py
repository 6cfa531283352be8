"""Events that go together in one call."""

from collections.abc import Iterable

from hive_agent.limits import MAX_BATCH_EVENTS, MAX_BATCH_TEXT
from hive_rpc.types import Event, EventKind


def first_batch(events: Iterable[Event]) -> tuple[list[Event], int]:
    """As many events from the front as fit into one call, and how many they were.

    Deltas of one turn that follow each other become one, with the last one's sequence.
    """
    batch: list[Event] = []
    size = taken = 0
    for event in events:
        size += text_size(event)
        if len(batch) == MAX_BATCH_EVENTS or (batch and size > MAX_BATCH_TEXT):
            break
        taken += 1
        if batch and _continues(batch[-1], event):
            text = (batch[-1].text or "") + (event.text or "")
            batch[-1] = event.model_copy(update={"text": text})
        else:
            batch.append(event)
    return batch, taken


def text_size(event: Event) -> int:
    """About how many characters it has on the wire."""
    if event.tool_call is not None:
        return len(str(event.tool_call.input))
    if event.tool_result is not None:
        return len(event.tool_result.content)
    return len(event.text or "")


def _continues(before: Event, event: Event) -> bool:
    return before.kind is event.kind is EventKind.TEXT_DELTA and before.turn_id == event.turn_id
