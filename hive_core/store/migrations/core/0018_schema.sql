-- What was said never changes; how far its delivery has come does. Two tables, so that a lease or an ack rewrites a
-- short row and not a body of 128 KiB.
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    in_reply_to TEXT,
    thread TEXT,               -- id of the message that began the thread; NULL for one that begins its own
    broadcast TEXT,            -- one id for all rows of a broadcast
    automatic INTEGER NOT NULL DEFAULT 0 CHECK (automatic IN (0, 1)),
    key TEXT,                  -- the sender's, so that sending again sends nothing
    sent_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_by_key ON messages (sender, key) WHERE key IS NOT NULL;
CREATE INDEX messages_by_sender ON messages (sender, seq);
CREATE INDEX messages_by_recipient ON messages (recipient, seq);
CREATE INDEX messages_by_reply ON messages (in_reply_to) WHERE in_reply_to IS NOT NULL;
CREATE INDEX messages_by_thread ON messages (thread, seq) WHERE thread IS NOT NULL;
CREATE INDEX messages_by_broadcast ON messages (broadcast) WHERE broadcast IS NOT NULL;

CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    recipient TEXT NOT NULL,
    sender TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'done', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT,               -- why it was returned the last time; set once it was handed out before
    instance TEXT,             -- who holds the lease, or let it expire
    lease_expires_at INTEGER CHECK ((lease_expires_at IS NOT NULL) = (state = 'leased')),
    settled_at INTEGER CHECK ((settled_at IS NOT NULL) = (state IN ('done', 'dead')))
) STRICT;
CREATE INDEX deliveries_ready ON deliveries (recipient, seq) WHERE state = 'ready';
CREATE INDEX deliveries_leased ON deliveries (recipient, lease_expires_at) WHERE state = 'leased';
CREATE INDEX deliveries_expiring ON deliveries (lease_expires_at) WHERE state = 'leased';
CREATE INDEX deliveries_dead ON deliveries (seq) WHERE state = 'dead';
CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE state = 'done';
-- A new instance takes away what the one before it let expire, without looking at everything its agent ever received.
CREATE INDEX deliveries_held ON deliveries (recipient) WHERE state IN ('ready', 'dead') AND instance IS NOT NULL;
-- How much of one sender waits for one recipient is looked up at every send, by an index of its own.
CREATE INDEX deliveries_unread ON deliveries (recipient, sender) WHERE state = 'ready';

CREATE TABLE instances (
    agent TEXT NOT NULL,
    instance TEXT NOT NULL,
    hello_at INTEGER NOT NULL,
    replaced_at INTEGER,       -- a newer one took over, or its container died; it never comes back
    PRIMARY KEY (agent, instance)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX instances_current ON instances (agent) WHERE replaced_at IS NULL;

-- The words of messages, taken from `messages` itself. Indexed after the send, in batches, so that a send pays nothing.
CREATE VIRTUAL TABLE message_words USING fts5 (
    body, content = 'messages', content_rowid = 'seq', tokenize = 'unicode61 remove_diacritics 2'
);
-- How far indexing has come.
CREATE TABLE message_words_progress (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO message_words_progress VALUES (1, 0);

CREATE TABLE operators (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    password TEXT,             -- argon2id, in its own encoding; NULL: signs in by invitation only
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE invites (
    token_hash BLOB PRIMARY KEY,
    operator TEXT NOT NULL REFERENCES operators (name) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    id TEXT NOT NULL DEFAULT '',  -- by which it can be listed and ended
    operator TEXT NOT NULL REFERENCES operators (name) ON DELETE CASCADE,
    means TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_operator ON sessions (operator);
CREATE UNIQUE INDEX sessions_by_id ON sessions (id);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    via TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL,
    details TEXT NOT NULL      -- a JSON object
) STRICT;
-- The audit log is written to and never changed; what is a year older than its newest row, retention may delete.
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
WHEN OLD.at > (SELECT max(at) FROM audit) - 365 * 86400000
BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;

CREATE TABLE agents (
    name TEXT PRIMARY KEY,
    machine TEXT NOT NULL UNIQUE CHECK (length(machine) <= 11),
    config TEXT NOT NULL,      -- agent.toml
    sha TEXT,                  -- the commit in applied/<name> that `config` is from
    system TEXT,               -- the NixOS system in the store that the container boots
    desired TEXT NOT NULL CHECK (desired IN ('running', 'stopped')),
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    reason TEXT,
    until INTEGER,
    instance TEXT              -- of the harness that said hello last
) STRICT;

CREATE TABLE notes (
    agent TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the machine's configuration declared of an agent, as far as it has been carried out.
CREATE TABLE declared (
    agent TEXT PRIMARY KEY,
    config TEXT NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE TABLE reminders (
    id TEXT PRIMARY KEY,
    key TEXT,                  -- the agent's, so that setting it again sets nothing
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
CREATE UNIQUE INDEX reminders_by_key ON reminders (agent, key) WHERE key IS NOT NULL;
CREATE INDEX reminders_settled ON reminders (settled_at) WHERE settled_at IS NOT NULL;

-- Every attempt to deliver one, for the rollup; it outlives the reminder.
CREATE TABLE reminder_attempts (
    id INTEGER PRIMARY KEY,
    agent TEXT NOT NULL,
    at INTEGER NOT NULL,
    delivered INTEGER NOT NULL CHECK (delivered IN (0, 1))
) STRICT;
CREATE INDEX reminder_attempts_by_time ON reminder_attempts (at, agent, delivered);

CREATE TABLE questions (
    id TEXT PRIMARY KEY,
    key TEXT,                  -- the asker's, so that asking again asks nothing
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
CREATE UNIQUE INDEX questions_by_key ON questions (asker, key) WHERE key IS NOT NULL;
CREATE INDEX questions_resolved ON questions (resolved_at) WHERE resolved_at IS NOT NULL;

-- What an operator has decided beside the agents' configurations.
CREATE TABLE account_uses (
    agent TEXT PRIMARY KEY,
    account TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE caps (
    scope TEXT NOT NULL CHECK (scope IN ('hive', 'account')),
    name TEXT NOT NULL,
    caps TEXT NOT NULL,        -- hive_rpc.accounts.Caps as JSON
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE cap_raises (
    id INTEGER PRIMARY KEY,
    scope TEXT NOT NULL CHECK (scope IN ('hive', 'account', 'agent')),
    name TEXT NOT NULL,
    until INTEGER NOT NULL,
    usd REAL NOT NULL,
    tokens INTEGER NOT NULL
) STRICT;

CREATE TABLE stopped (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at INTEGER NOT NULL,
    words TEXT NOT NULL
) STRICT;

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
CREATE INDEX jobs_by_approval ON jobs (approval) WHERE approval IS NOT NULL;
CREATE INDEX jobs_by_agent ON jobs (agent, seq);
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE job_lines (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    line TEXT NOT NULL
) STRICT;
CREATE INDEX job_lines_by_job ON job_lines (job);

-- Who else asked for what somebody had asked for already: they are told how it ended, too.
CREATE TABLE job_askers (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    via TEXT NOT NULL,
    PRIMARY KEY (job, name, via)
) STRICT, WITHOUT ROWID;

CREATE TABLE approval_askers (
    approval TEXT NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    via TEXT NOT NULL,
    PRIMARY KEY (approval, name, via)
) STRICT, WITHOUT ROWID;

-- What is left of agents that were destroyed with their files kept.
CREATE TABLE tombstones (
    name TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    sha TEXT,
    destroyed_at INTEGER NOT NULL,
    destroyed_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
