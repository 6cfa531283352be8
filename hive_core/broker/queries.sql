-- name: by_key
SELECT coalesce(broadcast, id) AS id FROM messages WHERE sender = :sender AND key = :key;

-- name: insert_message
INSERT INTO messages (id, sender, recipient, body, in_reply_to, thread, broadcast, automatic, key, sent_at)
VALUES (:id, :sender, :recipient, :body, :in_reply_to, :thread, :broadcast, :automatic, :key, :sent_at);

-- name: insert_delivery
INSERT INTO deliveries (seq, sender, recipient, state, settled_at)
VALUES (:seq, :sender, :recipient, :state, :settled_at);

-- name: referenced
SELECT id, sender, recipient, thread, broadcast FROM messages WHERE id = :id;

-- name: unanswered
-- The oldest message of the operator that the agent is working on and has not answered yet.
SELECT m.id, m.sender, m.recipient, m.thread, m.broadcast
FROM deliveries d
JOIN messages m ON m.seq = d.seq
WHERE d.recipient = :agent AND d.state = 'leased' AND m.sender = :operator
  AND NOT EXISTS (SELECT 1 FROM messages r WHERE r.in_reply_to = m.id AND r.sender = :agent AND r.recipient = :operator)
ORDER BY d.seq
LIMIT 1;

-- name: current_instance
SELECT instance FROM instances WHERE agent = :agent AND replaced_at IS NULL;

-- name: known_instance
SELECT replaced_at FROM instances WHERE agent = :agent AND instance = :instance;

-- name: replace_instances
UPDATE instances SET replaced_at = :now WHERE agent = :agent AND replaced_at IS NULL;

-- name: add_instance
INSERT INTO instances (agent, instance, hello_at) VALUES (:agent, :instance, :now);

-- name: ready
SELECT m.*, d.attempts, d.reason
FROM deliveries d
JOIN messages m ON m.seq = d.seq
WHERE d.recipient = :agent AND d.state = 'ready'
ORDER BY d.seq
LIMIT :limit;

-- name: lease_up_to
UPDATE deliveries SET state = 'leased', instance = :instance, lease_expires_at = :expires_at
WHERE recipient = :agent AND state = 'ready' AND seq <= :seq;

-- name: leased_to_instance
SELECT m.*, d.attempts, d.reason
FROM deliveries d
JOIN messages m ON m.seq = d.seq
WHERE d.recipient = :agent AND d.state = 'leased' AND d.instance = :instance
ORDER BY d.seq;

-- name: lease_again
UPDATE deliveries SET state = 'leased', lease_expires_at = :expires_at
WHERE recipient = :agent AND state = 'ready' AND instance = :instance
  AND seq = (SELECT seq FROM messages WHERE id = :id);

-- name: next_expiry
SELECT min(lease_expires_at) FROM deliveries WHERE recipient = :agent AND state = 'leased';

-- name: next_expiry_of_all
SELECT min(lease_expires_at) FROM deliveries WHERE state = 'leased';

-- name: expired
SELECT seq, recipient, attempts, instance FROM deliveries WHERE state = 'leased' AND lease_expires_at <= :now;

-- name: expired_of
SELECT seq, recipient, attempts, instance FROM deliveries
WHERE recipient = :agent AND state = 'leased' AND lease_expires_at <= :now;

-- name: leased_to_agent
SELECT seq, recipient, attempts, instance FROM deliveries WHERE recipient = :agent AND state = 'leased';

-- name: delivery
SELECT d.seq, d.recipient, d.attempts, d.state, d.instance
FROM messages m JOIN deliveries d ON d.seq = m.seq
WHERE m.id = :id AND m.recipient = :agent;

-- name: renew
UPDATE deliveries SET lease_expires_at = :expires_at WHERE seq = :seq;

-- name: settle
UPDATE deliveries SET state = :state, lease_expires_at = NULL, settled_at = :now WHERE seq = :seq;

-- name: give_back
UPDATE deliveries
SET state = :state, attempts = attempts + :attempt, reason = :reason, instance = :instance, lease_expires_at = NULL,
    settled_at = :settled_at
WHERE seq = :seq;

-- name: forget_holder
UPDATE deliveries SET instance = NULL WHERE recipient = :agent AND state IN ('ready', 'dead') AND instance IS NOT NULL;

-- name: grace
UPDATE deliveries SET lease_expires_at = :expires_at WHERE state = 'leased';

-- name: unread
SELECT count(*) FROM deliveries WHERE recipient = :agent AND state = 'ready';

-- name: is_full
-- Whether as many as `limit` of the sender's messages wait.
SELECT 1 FROM deliveries WHERE recipient = :recipient AND sender = :sender AND state = 'ready'
LIMIT 1 OFFSET :limit - 1;

-- name: unread_of_all
SELECT recipient, count(*) AS count FROM deliveries WHERE state = 'ready' GROUP BY recipient;

-- name: message
SELECT m.*, d.attempts, d.reason FROM messages m JOIN deliveries d ON d.seq = m.seq WHERE m.id = :id;

-- name: seq_of
SELECT seq FROM messages WHERE id = :id;

-- name: page
SELECT m.*, d.attempts, d.reason
FROM messages m JOIN deliveries d ON d.seq = m.seq
WHERE m.seq < :before
ORDER BY m.seq DESC
LIMIT :limit;

-- name: newest
SELECT m.*, d.attempts, d.reason
FROM messages m JOIN deliveries d ON d.seq = m.seq
WHERE m.seq > :after
ORDER BY m.seq DESC
LIMIT :limit;

-- name: page_of_agent
SELECT m.*, d.attempts, d.reason
FROM messages m JOIN deliveries d ON d.seq = m.seq
WHERE m.seq IN (
    SELECT seq FROM (SELECT seq FROM messages WHERE sender = :agent AND seq < :before ORDER BY seq DESC LIMIT :limit)
    UNION
    SELECT seq FROM (SELECT seq FROM messages WHERE recipient = :agent AND seq < :before ORDER BY seq DESC LIMIT :limit)
)
ORDER BY m.seq DESC
LIMIT :limit;

-- name: reply
SELECT m.*, d.attempts, d.reason
FROM messages m JOIN deliveries d ON d.seq = m.seq
WHERE m.recipient = :asker
  AND m.in_reply_to IN (SELECT :id UNION ALL SELECT id FROM messages WHERE broadcast = :id)
ORDER BY m.seq
LIMIT 1;

-- name: sender_of
SELECT sender FROM messages WHERE id = :id OR broadcast = :id LIMIT 1;

-- name: page_of_pair
SELECT m.*, d.attempts, d.reason
FROM messages m JOIN deliveries d ON d.seq = m.seq
WHERE m.seq IN (
    SELECT seq FROM (
        SELECT seq FROM messages WHERE sender = :one AND recipient = :other AND seq < :before
        ORDER BY seq DESC LIMIT :limit)
    UNION
    SELECT seq FROM (
        SELECT seq FROM messages WHERE sender = :other AND recipient = :one AND seq < :before
        ORDER BY seq DESC LIMIT :limit)
)
ORDER BY m.seq DESC
LIMIT :limit;

-- name: thread
SELECT m.*, d.attempts, d.reason
FROM messages m JOIN deliveries d ON d.seq = m.seq
WHERE m.seq IN (
    SELECT seq FROM messages WHERE thread = :thread
    UNION ALL
    SELECT seq FROM messages WHERE id = :thread
)
  AND m.seq > :after AND (:viewer IS NULL OR :viewer IN (m.sender, m.recipient))
ORDER BY m.seq
LIMIT :limit;

-- name: search
SELECT m.*, d.attempts, d.reason
FROM message_words w JOIN messages m ON m.seq = w.rowid JOIN deliveries d ON d.seq = m.seq
WHERE w.message_words MATCH :words AND w.rowid < :before
  AND (:viewer IS NULL OR :viewer IN (m.sender, m.recipient))
ORDER BY w.rowid DESC
LIMIT :limit;

-- name: unindexed
SELECT 1 FROM messages WHERE seq > (SELECT seq FROM message_words_progress) LIMIT 1;

-- name: to_index
SELECT seq, body FROM messages WHERE seq > (SELECT seq FROM message_words_progress) ORDER BY seq LIMIT :limit;

-- name: index_words
INSERT INTO message_words (rowid, body) VALUES (:seq, :body);

-- name: indexed_up_to
UPDATE message_words_progress SET seq = :seq;

-- name: dead
SELECT m.*, d.attempts, d.reason, d.settled_at
FROM deliveries d JOIN messages m ON m.seq = d.seq
WHERE d.state = 'dead' AND d.seq < :before
ORDER BY d.seq DESC
LIMIT :limit;

-- name: dead_of_agent
SELECT m.*, d.attempts, d.reason, d.settled_at
FROM deliveries d JOIN messages m ON m.seq = d.seq
WHERE d.state = 'dead' AND d.recipient = :agent AND d.seq < :before
ORDER BY d.seq DESC
LIMIT :limit;

-- name: all_dead
SELECT d.seq, d.recipient, m.id
FROM deliveries d JOIN messages m ON m.seq = d.seq
WHERE d.state = 'dead'
ORDER BY d.seq;

-- name: dead_by_id
SELECT d.seq, d.recipient, m.id
FROM messages m JOIN deliveries d ON d.seq = m.seq
WHERE m.id = :id AND d.state = 'dead';

-- name: revive
UPDATE deliveries SET state = 'ready', attempts = 0, reason = :reason, instance = NULL, settled_at = NULL
WHERE seq = :seq;
