"""Where one can go, in the order of the navigation, and the keys that lead there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    name: str
    href: str
    words: str
    key: str
    """Behind `g`."""


PLACES = (
    Place("hive", "/", "Agents", "a"),
    Place("messages", "/messages", "Messages", "m"),
    Place("questions", "/questions", "Questions", "q"),
    Place("approvals", "/approvals", "Approvals", "p"),
    Place("dead-letters", "/dead-letters", "Undelivered", "u"),
    Place("jobs", "/jobs", "Jobs", "j"),
    Place("reminders", "/reminders", "Reminders", "r"),
    Place("spending", "/spending", "Spending", "b"),
    Place("accounts", "/accounts", "Accounts", "k"),
    Place("egress", "/egress", "Egress", "e"),
    Place("system", "/system", "System", "s"),
    Place("audit", "/audit", "Audit", "l"),
    Place("operators", "/operators", "Operators", "o"),
    Place("help", "/help", "Help", "h"),
)

AGENT_TABS = (
    ("live", "Live", ""),
    ("inbox", "Inbox", "inbox"),
    ("stats", "Stats", "stats"),
    ("files", "Files", "files/"),
    ("log", "Log", "log"),
    ("egress", "Egress", "egress"),
    ("decisions", "Decisions", "decisions"),
    ("config", "Configuration", "config"),
)
"""Name, words, path below the agent's own."""

SYSTEM_TABS = (
    ("system", "Health", "/system"),
    ("inputs", "Inputs", "/inputs"),
    ("tombstones", "Destroyed agents", "/tombstones"),
)
"""Name, words, address."""

SHORTCUTS = (
    *((("g", place.key), place.words) for place in PLACES),
    (("j",), "Next row"),
    (("k",), "Row before"),
    (("Enter",), "Open the row"),
    (("x",), "Select the row, where several can be selected"),
    (("c",), "Write to the agent whose page this is"),
    (("/",), "Search messages"),
    (("?",), "This page"),
)
"""Keys, and what they do (static/keys.js)."""
