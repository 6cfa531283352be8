-- name: old_events
SELECT id FROM events WHERE at < :before ORDER BY at LIMIT :limit;

-- name: delete_event
DELETE FROM events WHERE id = :id RETURNING agent, length(CAST(event AS BLOB)) AS size;

-- name: raise_horizon
UPDATE horizon SET id = max(id, :id);

-- name: take_bytes
UPDATE event_bytes SET bytes = bytes - :bytes WHERE agent = :agent;

-- name: old_turns
SELECT agent, id FROM turns WHERE started_at < :before ORDER BY started_at LIMIT :limit;

-- name: delete_turn
DELETE FROM turns WHERE agent = :agent AND id = :id;
