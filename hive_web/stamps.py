"""What a page was made of, in a few characters: a page whose stamp is no longer the hive's is out of date."""

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hive_web.look import Look


@lru_cache(maxsize=64)
def stamp(shown: tuple[str, ...]) -> str:
    return hashlib.blake2b("\0".join(shown).encode(), digest_size=6).hexdigest()


def asked_by(look: "Look", agent: str) -> str:
    """The stamp of what an agent asks the operators."""
    return stamp(tuple(q.id for q in look.questions if q.asker == agent))


def stamps(look: "Look") -> dict[str, str]:
    """By the place in the navigation."""
    return {
        "approvals": stamp(tuple(f"{a.id} {a.state}" for a in look.approvals)),
        "jobs": stamp(tuple(f"{job.id} {job.state} {job.step}" for job in look.jobs)),
        "questions": stamp(tuple(q.id for q in look.questions)),
        "dead-letters": stamp(tuple(letter.message.id for letter in look.letters)),
        "spending": stamp((f"{look.spent_today:.2f}", *(f"{hold.scope} {hold.name}" for hold in look.holds))),
    }
