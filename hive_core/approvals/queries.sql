-- name: add
INSERT INTO approvals (
    id, kind, agent, state, payload, config, reason, requested_by, requested_via, requested_at, expires_at
) VALUES (:id, :kind, :agent, 'pending', :payload, :config, :reason, :by, :via, :now, :expires_at);

-- name: get
SELECT * FROM approvals WHERE id = :id;

-- name: same
SELECT * FROM approvals WHERE state = 'pending' AND kind = :kind AND agent = :agent AND payload = :payload;

-- name: join
INSERT OR IGNORE INTO approval_askers (approval, name, via) VALUES (:id, :by, :via);

-- name: askers
SELECT requested_by AS name, requested_via AS via FROM approvals WHERE id = :id
UNION SELECT name, via FROM approval_askers WHERE approval = :id;

-- name: pending_count
SELECT count(*) FROM approvals WHERE state = 'pending' AND requested_by = :by AND requested_via = :via;

-- name: pending
SELECT * FROM approvals WHERE state = 'pending' ORDER BY requested_at LIMIT :limit;

-- name: pending_of
SELECT * FROM approvals
WHERE state = 'pending' AND requested_by = :by AND requested_via = :via
ORDER BY requested_at
LIMIT :limit;

-- name: under_way
SELECT * FROM approvals WHERE state IN ('approved', 'running') ORDER BY decided_at LIMIT :limit;

-- name: ended
SELECT * FROM approvals WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT :limit;

-- name: decide
UPDATE approvals
SET state = :state, decided_by = :by, decided_via = :via, decided_at = :now, note = :note, job = :job,
    ended_at = :ended_at
WHERE id = :id;

-- name: begin
UPDATE approvals SET state = 'running' WHERE id = :id AND state = 'approved';

-- name: end
UPDATE approvals SET state = :state, error = :error, ended_at = :now WHERE id = :id AND ended_at IS NULL;

-- name: expired
SELECT * FROM approvals WHERE state = 'pending' AND expires_at <= :now ORDER BY expires_at LIMIT :limit;

-- name: next_expiry
SELECT min(expires_at) FROM approvals WHERE state = 'pending';

-- name: approved_before
-- What was approved last before this one, whatever became of it.
SELECT * FROM approvals
WHERE agent = :agent AND kind IN ('spawn', 'apply_config') AND id <> :id
  AND decided_at IS NOT NULL AND state IN ('approved', 'running', 'deployed', 'failed')
ORDER BY decided_at DESC
LIMIT 1;

-- name: proposed_before
SELECT * FROM approvals
WHERE agent = :agent AND kind IN ('spawn', 'apply_config') AND id < :id
ORDER BY id DESC
LIMIT 1;
