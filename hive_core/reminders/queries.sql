-- name: add
INSERT INTO reminders (id, agent, message, state, created_at, due_at, every_ms, key)
VALUES (:id, :agent, :message, 'pending', :now, :due_at, :every_ms, :key);

-- name: by_key
SELECT * FROM reminders WHERE agent = :agent AND key = :key;

-- name: get
SELECT * FROM reminders WHERE id = :id;

-- name: pending_count
SELECT count(*) FROM reminders WHERE agent = :agent AND state = 'pending';

-- name: pending
SELECT * FROM reminders WHERE state = 'pending' AND (:agent IS NULL OR agent = :agent) ORDER BY due_at LIMIT :limit;

-- name: settled
SELECT * FROM reminders
WHERE settled_at IS NOT NULL AND (:agent IS NULL OR agent = :agent)
ORDER BY settled_at DESC
LIMIT :limit;

-- name: due
SELECT * FROM reminders WHERE state = 'pending' AND due_at <= :now ORDER BY due_at LIMIT :limit;

-- name: next_due
SELECT min(due_at) FROM reminders WHERE state = 'pending';

-- name: delivered
UPDATE reminders SET state = 'delivered', deliveries = deliveries + 1, error = NULL, settled_at = :now WHERE id = :id;

-- name: delivered_and_again
UPDATE reminders SET deliveries = deliveries + 1, due_at = :due_at WHERE id = :id;

-- name: again
UPDATE reminders SET due_at = :due_at WHERE id = :id;

-- name: waits
-- Whether the message of that key has not been handed out.
SELECT 1 FROM messages m JOIN deliveries d ON d.seq = m.seq
WHERE m.sender = 'hive' AND m.key = :key AND d.state = 'ready';

-- name: failed
UPDATE reminders SET state = 'failed', error = :error, settled_at = :now WHERE id = :id;

-- name: cancel
UPDATE reminders SET state = 'cancelled', settled_at = :now WHERE id = :id;

-- name: retry
UPDATE reminders SET state = 'pending', due_at = :now, error = NULL, settled_at = NULL WHERE id = :id;

-- name: attempt
INSERT INTO reminder_attempts (agent, at, delivered) VALUES (:agent, :now, :delivered);

-- name: rollup
SELECT agent, count(*) AS attempted, sum(delivered) AS delivered
FROM reminder_attempts
WHERE at >= :since AND (:agent IS NULL OR agent = :agent)
GROUP BY agent
ORDER BY agent;
