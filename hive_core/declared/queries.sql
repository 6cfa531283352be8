-- name: all
SELECT agent, config FROM declared;

-- name: set
INSERT INTO declared (agent, config) VALUES (:agent, :config)
ON CONFLICT (agent) DO UPDATE SET config = excluded.config;

-- name: clear
DELETE FROM declared WHERE agent = :agent;
