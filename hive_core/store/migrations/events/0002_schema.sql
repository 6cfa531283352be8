CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL,
    instance TEXT,             -- NULL for what core itself tells
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,       -- when core stored it
    event TEXT NOT NULL        -- the wire's Event as JSON, without id
) STRICT;
CREATE UNIQUE INDEX events_once ON events (agent, instance, sequence) WHERE instance IS NOT NULL;
CREATE INDEX events_by_agent ON events (agent, id);
CREATE INDEX events_by_age ON events (at);

CREATE TABLE turns (
    agent TEXT NOT NULL,
    id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    turn TEXT NOT NULL,        -- the wire's Turn as JSON
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX turns_by_start ON turns (agent, started_at);
CREATE INDEX turns_by_age ON turns (started_at);

-- The highest event id that retention has deleted: a watcher that wants to resume before it has missed something.
CREATE TABLE horizon (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id INTEGER NOT NULL
) STRICT;
INSERT INTO horizon VALUES (1, 0);

-- How much of events each agent has stored, kept with every change so that the quota costs no count.
CREATE TABLE event_bytes (
    agent TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
