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

CREATE TABLE instances (
    agent TEXT NOT NULL,
    instance TEXT NOT NULL,
    hello_at INTEGER NOT NULL,
    replaced_at INTEGER,       -- a newer one took over, or its container died; it never comes back
    PRIMARY KEY (agent, instance)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX instances_current ON instances (agent) WHERE replaced_at IS NULL;
