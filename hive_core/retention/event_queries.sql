-- name: old_events
DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < :before ORDER BY at LIMIT :limit)
RETURNING id, agent, length(CAST(event AS BLOB)) AS size;

-- name: raise_horizon
UPDATE horizon SET id = max(id, :id);

-- name: take_bytes
UPDATE event_bytes SET bytes = bytes - :bytes WHERE agent = :agent;

-- name: old_turns
DELETE FROM turns
WHERE (agent, id) IN (SELECT agent, id FROM turns WHERE started_at < :before ORDER BY started_at LIMIT :limit);
