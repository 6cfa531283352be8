CREATE TABLE reminders (
    id TEXT PRIMARY KEY,
    agent TEXT NOT NULL,       -- who set it, and who is reminded
    message TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    every_ms INTEGER CHECK (every_ms > 0),
    deliveries INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    settled_at INTEGER CHECK ((settled_at IS NULL) = (state = 'pending'))
) STRICT, WITHOUT ROWID;
CREATE INDEX reminders_due ON reminders (due_at) WHERE state = 'pending';
CREATE INDEX reminders_by_agent ON reminders (agent, state, due_at);
CREATE INDEX reminders_settled ON reminders (settled_at) WHERE settled_at IS NOT NULL;

-- Every attempt to deliver one, for the rollup; it outlives the reminder.
CREATE TABLE reminder_attempts (
    id INTEGER PRIMARY KEY,
    agent TEXT NOT NULL,
    at INTEGER NOT NULL,
    delivered INTEGER NOT NULL CHECK (delivered IN (0, 1))
) STRICT;
CREATE INDEX reminder_attempts_by_time ON reminder_attempts (at, agent, delivered);
