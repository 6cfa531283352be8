CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,            -- when it arrived; milliseconds since 1970
    agent TEXT NOT NULL,
    account TEXT NOT NULL,
    model TEXT NOT NULL,            -- as the answer says, or else as it was asked for
    priced_as TEXT NOT NULL,        -- the row of the price table
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output INTEGER NOT NULL,
    searches INTEGER NOT NULL,
    nano_usd INTEGER NOT NULL,      -- billionths of a dollar, so that sums are exact
    exact INTEGER NOT NULL CHECK (exact IN (0, 1))  -- 0: the answer broke off, and this is an estimate
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (at);

CREATE TABLE holds (
    account TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    until INTEGER NOT NULL,
    claim TEXT                      -- which of a subscription's limits, in the API's words
) STRICT, WITHOUT ROWID;

CREATE TABLE egress (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    agent TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    detail TEXT NOT NULL,
    address TEXT,
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL,
    seconds REAL NOT NULL
) STRICT;
CREATE INDEX egress_by_agent ON egress (agent, id);
