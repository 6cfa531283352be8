-- name: add
INSERT INTO questions (id, asker, addressee, question, options, multi, state, asked_at, expires_at, key)
VALUES (:id, :asker, :addressee, :question, :options, :multi, 'open', :now, :expires_at, :key);

-- name: by_key
SELECT * FROM questions WHERE asker = :asker AND key = :key;

-- name: get
SELECT * FROM questions WHERE id = :id;

-- name: open_count
SELECT count(*) FROM questions WHERE asker = :asker AND state = 'open';

-- name: open
SELECT * FROM questions
WHERE state = 'open' AND (:addressee IS NULL OR addressee = :addressee)
ORDER BY asked_at
LIMIT :limit;

-- name: open_of_asker
SELECT * FROM questions WHERE state = 'open' AND asker = :asker ORDER BY asked_at LIMIT :limit;

-- name: open_to
SELECT * FROM questions WHERE state = 'open' AND addressee = :addressee ORDER BY asked_at LIMIT :limit;

-- name: resolved
SELECT * FROM questions
WHERE resolved_at IS NOT NULL AND (:addressee IS NULL OR addressee = :addressee)
ORDER BY resolved_at DESC
LIMIT :limit;

-- name: resolve
UPDATE questions
SET state = :state, answer = :answer, choices = :choices, resolved_by = :by, resolved_at = :now, notice = :notice
WHERE id = :id;

-- name: expired
SELECT * FROM questions WHERE state = 'open' AND expires_at <= :now ORDER BY expires_at LIMIT :limit;

-- name: next_expiry
SELECT min(expires_at) FROM questions WHERE state = 'open';

-- name: settle_notice
-- The asker was there and got the end as the result of its call: it need not be told again.
UPDATE deliveries SET state = 'done', settled_at = :now
WHERE state = 'ready'
  AND seq = (SELECT m.seq FROM questions q JOIN messages m ON m.id = q.notice WHERE q.id = :id);
