ALTER TABLE agents ADD COLUMN sha TEXT;  -- the commit in applied/<name> that `config` is from

CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('spawn', 'apply_config', 'update_inputs', 'destroy')),
    agent TEXT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('pending', 'approved', 'running', 'deployed', 'denied', 'failed', 'cancelled', 'expired')
    ),
    payload TEXT NOT NULL,     -- JSON; its shape is the kind's
    config TEXT NOT NULL,      -- the agent.toml of the pinned commit; empty where the kind has none
    reason TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_via TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_by TEXT,
    decided_via TEXT,
    decided_at INTEGER,
    note TEXT,
    job TEXT,
    error TEXT,
    ended_at INTEGER CHECK ((ended_at IS NULL) = (state IN ('pending', 'approved', 'running')))
) STRICT, WITHOUT ROWID;
-- Asking twice for the same is asking once.
CREATE UNIQUE INDEX approvals_pending ON approvals (kind, agent, payload) WHERE state = 'pending';
CREATE INDEX approvals_expiring ON approvals (expires_at) WHERE state = 'pending';
CREATE INDEX approvals_ended ON approvals (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX approvals_by_agent ON approvals (agent, requested_at);

CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    agent TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    step TEXT NOT NULL,
    approval TEXT REFERENCES approvals (id),
    details TEXT NOT NULL,     -- JSON; what the kind needs to go on after a restart of core
    requested_by TEXT NOT NULL,
    requested_via TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    started_at INTEGER,
    error TEXT,
    batch TEXT,                -- one id for all that belong together
    wave INTEGER NOT NULL DEFAULT 0,
    ended_at INTEGER CHECK ((ended_at IS NULL) = (state IN ('waiting', 'running')))
) STRICT;
CREATE INDEX jobs_open ON jobs (seq) WHERE ended_at IS NULL;
CREATE INDEX jobs_by_agent ON jobs (agent, seq);
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE job_lines (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    line TEXT NOT NULL
) STRICT;
CREATE INDEX job_lines_by_job ON job_lines (job);

-- What is left of agents that were destroyed with their files kept.
CREATE TABLE tombstones (
    name TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    sha TEXT,
    destroyed_at INTEGER NOT NULL,
    destroyed_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
