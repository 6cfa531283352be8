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
