CREATE TABLE questions (
    id TEXT PRIMARY KEY,
    asker TEXT NOT NULL,
    addressee TEXT NOT NULL,   -- an agent, or `operator`
    question TEXT NOT NULL,
    options TEXT NOT NULL,     -- a JSON array of strings; empty: answered in words
    multi INTEGER NOT NULL CHECK (multi IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'expired', 'cancelled')),
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    answer TEXT,
    choices TEXT NOT NULL DEFAULT '[]',
    resolved_by TEXT,
    resolved_at INTEGER CHECK ((resolved_at IS NULL) = (state = 'open')),
    notice TEXT                -- id of the message that told the asker how it ended
) STRICT, WITHOUT ROWID;
CREATE INDEX questions_open_by_asker ON questions (asker, asked_at) WHERE state = 'open';
CREATE INDEX questions_open_by_addressee ON questions (addressee, asked_at) WHERE state = 'open';
CREATE INDEX questions_expiring ON questions (expires_at) WHERE state = 'open';
CREATE INDEX questions_resolved ON questions (resolved_at) WHERE resolved_at IS NOT NULL;
