-- name: ready
SELECT count(*) FROM deliveries WHERE state = 'ready';

-- name: leased
SELECT count(*) FROM deliveries WHERE state = 'leased';

-- name: dead
SELECT count(*) FROM deliveries WHERE state = 'dead';

-- name: oldest_ready
SELECT m.sent_at
FROM messages m
WHERE m.seq = (SELECT min(seq) FROM deliveries WHERE state = 'ready');

-- name: questions_to_operator
SELECT count(*) FROM questions WHERE state = 'open' AND addressee = 'operator';

-- name: questions_to_agents
SELECT count(*) FROM questions WHERE state = 'open' AND addressee <> 'operator';

-- name: reminders
SELECT count(*) FROM reminders WHERE state = 'pending';
