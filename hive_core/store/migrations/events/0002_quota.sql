-- How much of events each agent has stored, kept with every change so that the quota costs no count.
CREATE TABLE event_bytes (
    agent TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO event_bytes SELECT agent, sum(length(CAST(event AS BLOB))) FROM events GROUP BY agent;

CREATE INDEX turns_by_age ON turns (started_at);
