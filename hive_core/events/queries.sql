-- name: add
INSERT INTO events (agent, instance, sequence, at, event) VALUES (:agent, :instance, :sequence, :at, :event)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: upsert_turn
INSERT INTO turns (agent, id, started_at, ended_at, outcome, turn, instance)
VALUES (:agent, :id, :started_at, :ended_at, :outcome, :turn, :instance)
ON CONFLICT (agent, id) DO UPDATE
SET started_at = excluded.started_at, ended_at = excluded.ended_at, outcome = excluded.outcome, turn = excluded.turn
WHERE turns.ended_at IS NULL OR excluded.ended_at IS NOT NULL;

-- name: left_running
-- All that run but those of this instance, where one is given.
SELECT turn FROM turns
WHERE agent = :agent AND ended_at IS NULL AND (:instance IS NULL OR instance IS NOT :instance)
ORDER BY started_at, id
LIMIT :limit;

-- name: last_turn
SELECT turn FROM turns WHERE agent = :agent ORDER BY started_at DESC, id DESC LIMIT 1;

-- name: last_turns
-- One index look-up for each agent that is asked about, however many turns there are.
SELECT asked.value AS agent, (
    SELECT turn FROM turns WHERE turns.agent = asked.value ORDER BY started_at DESC, id DESC LIMIT 1
) AS turn
FROM json_each(:agents) AS asked;

-- name: page
SELECT id, agent, event FROM events
WHERE agent = :agent AND id < :before AND id > :after ORDER BY id DESC LIMIT :limit;

-- name: after
SELECT id, agent, event FROM events WHERE id > :after ORDER BY id LIMIT :limit;

-- name: after_of_agent
SELECT id, agent, event FROM events WHERE agent = :agent AND id > :after ORDER BY id LIMIT :limit;

-- name: newest
-- From the sequence, not from the rows: retention may have deleted the newest.
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0);

-- name: horizon
SELECT id FROM horizon;

-- name: add_bytes
INSERT INTO event_bytes (agent, bytes) VALUES (:agent, :bytes)
ON CONFLICT (agent) DO UPDATE SET bytes = bytes + excluded.bytes;

-- name: kept_bytes
SELECT bytes FROM event_bytes WHERE agent = :agent;

-- name: oldest
SELECT id, length(CAST(event AS BLOB)) AS size FROM events WHERE agent = :agent ORDER BY id LIMIT :limit;

-- name: delete_up_to
DELETE FROM events WHERE agent = :agent AND id <= :id;
