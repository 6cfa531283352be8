-- name: old_messages
-- Only what is done: a message that waits, is leased, or lies among the dead letters is never deleted.
SELECT d.seq, m.body
FROM deliveries d JOIN messages m ON m.seq = d.seq
WHERE d.state = 'done' AND d.settled_at < :before
ORDER BY d.settled_at
LIMIT :limit;

-- name: forget_words
INSERT INTO message_words (message_words, rowid, body)
SELECT 'delete', :seq, :body WHERE :seq <= (SELECT seq FROM message_words_progress);

-- name: delete_message
DELETE FROM messages WHERE seq = :seq;

-- name: old_reminders
DELETE FROM reminders
WHERE id IN (SELECT id FROM reminders WHERE settled_at IS NOT NULL AND settled_at < :before LIMIT :limit);

-- name: old_reminder_attempts
DELETE FROM reminder_attempts WHERE id IN (SELECT id FROM reminder_attempts WHERE at < :before LIMIT :limit);

-- name: old_questions
DELETE FROM questions
WHERE id IN (SELECT id FROM questions WHERE resolved_at IS NOT NULL AND resolved_at < :before LIMIT :limit);

-- name: old_instances
DELETE FROM instances
WHERE (agent, instance) IN (SELECT agent, instance FROM instances WHERE replaced_at < :before LIMIT :limit);
