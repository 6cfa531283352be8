-- What operators have commanded agents' harnesses, and what of it holds until it is commanded otherwise.
CREATE TABLE commands (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT,
    state TEXT NOT NULL CHECK (state IN ('queued', 'done', 'refused')),
    reason TEXT,
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    ended_at INTEGER CHECK ((ended_at IS NULL) = (state = 'queued'))
) STRICT;
CREATE INDEX commands_by_agent ON commands (agent, seq);
-- Asking twice queues once.
CREATE UNIQUE INDEX commands_queued ON commands (agent, kind) WHERE state = 'queued';

CREATE TABLE wishes (
    agent TEXT PRIMARY KEY,
    model TEXT,
    effort TEXT,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    at INTEGER NOT NULL        -- older than the agent: it is of an earlier one of the same name
) STRICT, WITHOUT ROWID;
