-- name: all
SELECT * FROM agents ORDER BY name;

-- name: machine_taken
SELECT 1 FROM agents WHERE machine = :machine;

-- name: known
SELECT 1 FROM agents WHERE name = :name;

-- name: insert
INSERT INTO agents (name, machine, config, sha, system, desired, created_at, state, since)
VALUES (:name, :machine, :config, :sha, :system, :desired, :now, :state, :now);

-- name: set_desired
UPDATE agents SET desired = :desired WHERE name = :name;

-- name: set_state
UPDATE agents SET state = :state, since = :since, reason = :reason, until = :until, instance = :instance
WHERE name = :name;

-- name: set_config
UPDATE agents SET config = :config, sha = :sha, system = :system WHERE name = :name;

-- name: heard_of
-- An agent that is gone has left at least one of these behind for as long as anything of its is kept.
SELECT 1 FROM tombstones WHERE name = :name
UNION ALL SELECT 1 FROM jobs WHERE agent = :name AND state = 'done'
UNION ALL SELECT 1 FROM messages WHERE sender = :name
UNION ALL SELECT 1 FROM messages WHERE recipient = :name
LIMIT 1;

-- name: bury
INSERT OR REPLACE INTO tombstones (name, config, sha, destroyed_at, destroyed_by)
SELECT name, config, sha, :now, :by FROM agents WHERE name = :name;

-- name: tombstones
SELECT * FROM tombstones ORDER BY name;

-- name: tombstone
SELECT * FROM tombstones WHERE name = :name;

-- name: forget
DELETE FROM tombstones WHERE name = :name;

-- name: delete
DELETE FROM agents WHERE name = :name;
