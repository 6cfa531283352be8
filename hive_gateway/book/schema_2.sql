CREATE TABLE egress_days (
    agent TEXT NOT NULL,
    day INTEGER NOT NULL,           -- days since 1970-01-01, in UTC
    bytes INTEGER NOT NULL,         -- both ways together
    PRIMARY KEY (agent, day)
) STRICT, WITHOUT ROWID;
