-- name: all
SELECT * FROM agents ORDER BY name;

-- name: machine_taken
SELECT 1 FROM agents WHERE machine = :machine;

-- name: known
SELECT 1 FROM agents WHERE name = :name;

-- name: insert
INSERT INTO agents (name, machine, config, desired, created_at, state, since)
VALUES (:name, :machine, :config, :desired, :now, :state, :now);

-- name: set_desired
UPDATE agents SET desired = :desired WHERE name = :name;

-- name: set_state
UPDATE agents SET state = :state, since = :since, reason = :reason, until = :until, instance = :instance
WHERE name = :name;

-- name: delete
DELETE FROM agents WHERE name = :name;
