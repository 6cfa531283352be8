"""What can be said to an agent's harness from the composer and from the list of commands, in words."""

from dataclasses import dataclass

from hive_rpc.commands import AgentCommandKind, Effort


@dataclass(frozen=True)
class Command:
    """`name` is what is written behind the slash, `takes` what a value is, if it takes one."""

    name: str
    kind: AgentCommandKind
    words: str
    takes: str = ""


COMMANDS = tuple(
    Command(kind.value.replace("_", "-"), kind, words, takes)
    for kind, words, takes in (
        (AgentCommandKind.CANCEL, "End the turn that runs", ""),
        (AgentCommandKind.COMPACT, "Replace the conversation by a summary", ""),
        (AgentCommandKind.NEW_SESSION, "Begin a new conversation, with a hand-over note", ""),
        (AgentCommandKind.MODEL, "Use another model; without a name the configured one", "a model"),
        (AgentCommandKind.EFFORT, f"Think harder or less: {', '.join(Effort)}", "a level"),
        (AgentCommandKind.PAUSE, "Begin no further turn", ""),
        (AgentCommandKind.RESUME, "Go on after a pause", ""),
        (AgentCommandKind.WAKE, "Try again now what it is parked for", ""),
    )
)
