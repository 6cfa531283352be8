"""What can be done to an agent from the dashboard, in the words of its button and its confirmation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """`name` is the method of core's, `consequence` what the confirmation says, `under_way` what is said afterwards."""

    name: str
    button: str
    consequence: str
    under_way: str


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "start",
            "Start",
            "Its container boots, and it goes on with the conversation it had. Messages that wait are delivered.",
            "is starting",
        ),
        Verb(
            "stop",
            "Stop",
            "It finishes the turn that runs, then its container is stopped. Messages wait until it is started again.",
            "is stopping",
        ),
        Verb(
            "restart",
            "Restart",
            "It finishes the turn that runs, then its container stops and boots again. Its conversation is kept.",
            "is restarting",
        ),
    )
}
BULK = ("start", "stop", "restart")
"""What can be done to several at once."""
