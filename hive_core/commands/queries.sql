-- name: queue
INSERT INTO commands (id, agent, kind, value, state, reason, asked_by, asked_at, ended_at)
VALUES (:id, :agent, :kind, :value, :state, :reason, :asked_by, :asked_at, :ended_at)
ON CONFLICT (agent, kind) WHERE state = 'queued' DO NOTHING;

-- name: queued
SELECT * FROM commands WHERE agent = :agent AND kind = :kind AND state = 'queued';

-- name: queued_of_all
SELECT * FROM commands WHERE state = 'queued' ORDER BY seq;

-- name: one
SELECT * FROM commands WHERE id = :id;

-- name: latest
SELECT * FROM commands WHERE agent = :agent AND asked_at >= :since ORDER BY seq DESC LIMIT :limit;

-- name: end
UPDATE commands SET state = :state, reason = :reason, ended_at = :now
WHERE id = :id AND agent = :agent AND state = 'queued'
RETURNING *;

-- name: drop_old_ones
DELETE FROM commands
WHERE agent = :agent AND state != 'queued'
    AND seq < (SELECT seq FROM commands WHERE agent = :agent ORDER BY seq DESC LIMIT 1 OFFSET :keep);

-- name: wish
INSERT INTO wishes (agent, model, effort, paused, at) VALUES (:agent, :model, :effort, :paused, :at)
ON CONFLICT (agent) DO UPDATE
SET model = excluded.model, effort = excluded.effort, paused = excluded.paused, at = excluded.at;

-- name: wishes
SELECT * FROM wishes;
