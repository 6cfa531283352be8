-- name: old_messages
-- Only what is done: a message that waits, is leased, or lies among the dead letters is never deleted.
SELECT seq FROM deliveries WHERE state = 'done' AND settled_at < :before ORDER BY settled_at LIMIT :limit;

-- name: forget_words
INSERT INTO message_words (message_words, rowid, body)
SELECT 'delete', seq, body FROM messages WHERE seq = :seq AND seq <= (SELECT seq FROM message_words_progress);

-- name: delete_message
DELETE FROM messages WHERE seq = :seq;

-- name: old_reminders
SELECT id FROM reminders WHERE settled_at IS NOT NULL AND settled_at < :before LIMIT :limit;

-- name: delete_reminder
DELETE FROM reminders WHERE id = :id;

-- name: old_reminder_attempts
SELECT id FROM reminder_attempts WHERE at < :before LIMIT :limit;

-- name: delete_reminder_attempt
DELETE FROM reminder_attempts WHERE id = :id;

-- name: old_questions
SELECT id FROM questions WHERE resolved_at IS NOT NULL AND resolved_at < :before LIMIT :limit;

-- name: delete_question
DELETE FROM questions WHERE id = :id;

-- name: old_instances
SELECT agent, instance FROM instances WHERE replaced_at < :before LIMIT :limit;

-- name: delete_instance
DELETE FROM instances WHERE agent = :agent AND instance = :instance;

-- name: old_sessions
SELECT token_hash FROM sessions WHERE expires_at < :before LIMIT :limit;

-- name: delete_session
DELETE FROM sessions WHERE token_hash = :token_hash;

-- name: old_audit
-- Rows are in the order of their time: only the first ones can be old.
SELECT id FROM (SELECT id, at FROM audit ORDER BY id LIMIT :limit) WHERE at < :before;

-- name: delete_audit
DELETE FROM audit WHERE id = :id;

-- name: old_jobs
SELECT id FROM jobs WHERE ended_at IS NOT NULL AND ended_at < :before LIMIT :limit;

-- name: delete_job
-- Its log goes with it.
DELETE FROM jobs WHERE id = :id;

-- name: old_approvals
SELECT id FROM approvals
WHERE ended_at IS NOT NULL AND ended_at < :before AND NOT EXISTS (SELECT 1 FROM jobs WHERE approval = approvals.id)
LIMIT :limit;

-- name: delete_approval
DELETE FROM approvals WHERE id = :id;
