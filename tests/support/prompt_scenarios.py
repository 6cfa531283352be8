"""Every prompt that a model can be given, once. `python -m tests.support.prompt_scenarios` writes the snapshot anew."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from hive_agent import prompts
from hive_agent.harness.handover import Exchange
from hive_rpc.types import Message

SNAPSHOT = Path(__file__).parents[1] / "unit" / "prompts.snapshot.txt"
STATE, SHARED = Path("/agents/worker/state"), Path("/shared")


def _message(**fields: object) -> Message:
    given = {"id": "msg_1", "sender": "operator", "recipient": "worker", "body": "What is 6*7?"}
    return Message.model_validate({**given, "sent_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), **fields})


def scenarios() -> Mapping[str, str]:
    """By what they are."""
    note = prompts.handover("I build the bridge.", [])
    exchanges = prompts.handover("", [Exchange(sender="other", asked="How far?\nTell me.", answered="Half.")])
    again = {"redelivered": True, "redelivery_reason": "rate limited", "attempts": 1}
    return {
        "the system prompt": prompts.system(name="worker", state=STATE, shared=SHARED, configured="Speak French."),
        "a message": prompts.wake(_message(), waiting=0, fresh=None),
        "a message that came before, others wait": prompts.wake(_message(**again), waiting=3, fresh=None),
        "an agent's automatic answer": prompts.wake(
            _message(sender="other", automatic=True, in_reply_to="msg_0"), waiting=0, fresh=None
        ),
        "a broadcast": prompts.wake(_message(sender="other", broadcast=True), waiting=0, fresh=None),
        "the first message": prompts.wake(
            _message(), waiting=0, fresh=prompts.fresh(reason="there was none before", state=STATE, peers=["other"])
        ),
        "a new conversation after a hand-over note": prompts.wake(
            _message(),
            waiting=0,
            fresh=prompts.fresh(reason="an operator wanted a new one", state=STATE, peers=[], handover=note),
        ),
        "a new conversation without a note": prompts.wake(
            _message(),
            waiting=0,
            fresh=prompts.fresh(reason="the conversation was lost", state=STATE, peers=[], handover=exchanges),
        ),
        "a turn that was asked for": prompts.requested("Test what is built.", waiting=0, fresh=None),
        "a hand-over note is wanted": prompts.checkpoint(),
        "compacting": prompts.COMPACT,
    }


def snapshot() -> str:
    return "\n".join(f"=== {name} ===\n{text}\n" for name, text in scenarios().items())


if __name__ == "__main__":
    SNAPSHOT.write_text(snapshot())
