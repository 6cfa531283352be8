"""What a page was made of, in a few characters: a page whose stamp is no longer the hive's is out of date."""

import hashlib

from hive_web.look import Look
from hive_web.view.wire import dumps


def stamp(view: object) -> str:
    return hashlib.blake2b(dumps(view).encode(), digest_size=6).hexdigest()


def asked_by(look: Look, agent: str) -> str:
    """The stamp of what an agent asks the operators."""
    return stamp([q.id for q in look.questions if q.asker == agent])


def stamps(look: Look) -> dict[str, str]:
    """By the place in the navigation."""
    return {
        "approvals": stamp([(a.id, a.state.value) for a in look.approvals]),
        "jobs": stamp([(job.id, job.state.value, job.step.value) for job in look.jobs]),
        "questions": stamp([q.id for q in look.questions]),
        "dead-letters": stamp([letter.message.id for letter in look.letters]),
    }
