"""Where one can go, in the order of the navigation, and the keys that lead there."""

PLACES = (
    ("hive", "/", "Agents"),
    ("messages", "/messages", "Messages"),
    ("questions", "/questions", "Questions"),
    ("approvals", "/approvals", "Approvals"),
    ("dead-letters", "/dead-letters", "Undelivered"),
    ("jobs", "/jobs", "Jobs"),
    ("reminders", "/reminders", "Reminders"),
    ("system", "/system", "System"),
    ("audit", "/audit", "Audit"),
    ("operators", "/operators", "Operators"),
    ("help", "/help", "Help"),
)
"""Name, address, words."""

AGENT_TABS = (
    ("live", "Live", ""),
    ("inbox", "Inbox", "inbox"),
    ("stats", "Stats", "stats"),
    ("files", "Files", "files/"),
    ("log", "Log", "log"),
    ("decisions", "Decisions", "decisions"),
    ("config", "Configuration", "config"),
)
"""Name, words, path below the agent's own."""

SHORTCUTS = (
    (("g", "a"), "Agents, the front page"),
    (("g", "m"), "Messages"),
    (("g", "q"), "Questions"),
    (("g", "p"), "Approvals"),
    (("g", "u"), "Undelivered messages"),
    (("g", "j"), "Jobs"),
    (("g", "r"), "Reminders"),
    (("g", "s"), "System"),
    (("g", "l"), "Audit log"),
    (("g", "o"), "Operators"),
    (("j",), "Next row"),
    (("k",), "Row before"),
    (("Enter",), "Open the row"),
    (("x",), "Select the row, where several can be selected"),
    (("c",), "Write to the agent whose page this is"),
    (("/",), "Search messages"),
    (("?",), "This page"),
)
"""Keys, and what they do (static/keys.js)."""
