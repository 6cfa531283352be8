CREATE TABLE agents (
    name TEXT PRIMARY KEY,
    machine TEXT NOT NULL UNIQUE CHECK (length(machine) <= 11),
    config TEXT NOT NULL,      -- agent.toml, as the operator wrote it
    desired TEXT NOT NULL CHECK (desired IN ('running', 'stopped')),
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    reason TEXT,
    until INTEGER,
    instance TEXT              -- of the harness that said hello last
) STRICT;
