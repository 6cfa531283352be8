-- name: add
INSERT INTO jobs (id, kind, agent, state, step, approval, details, requested_by, requested_via, requested_at, batch, wave)
VALUES (:id, :kind, :agent, 'waiting', 'begin', :approval, :details, :by, :via, :now, :batch, :wave);

-- name: get
SELECT * FROM jobs WHERE id = :id;

-- name: same
-- One that has not begun and would do exactly this.
SELECT * FROM jobs
WHERE state = 'waiting' AND kind = :kind AND agent = :agent AND details = :details AND approval IS :approval
LIMIT 1;

-- name: join
INSERT OR IGNORE INTO job_askers (job, name, via) VALUES (:id, :by, :via);

-- name: askers
SELECT requested_by AS name, requested_via AS via FROM jobs WHERE id = :id
UNION SELECT name, via FROM job_askers WHERE job = :id;

-- name: overtaken
-- What needs not be done any more once its agent is destroyed.
SELECT * FROM jobs WHERE state = 'waiting' AND agent = :agent AND kind <> 'spawn';

-- name: open
SELECT * FROM jobs WHERE ended_at IS NULL AND (:agent IS NULL OR agent = :agent) ORDER BY seq;

-- name: ended
SELECT * FROM jobs
WHERE ended_at IS NOT NULL AND (:agent IS NULL OR agent = :agent)
ORDER BY ended_at DESC
LIMIT :limit;

-- name: begin
UPDATE jobs SET state = 'running', started_at = :now WHERE id = :id AND state = 'waiting';

-- name: step
UPDATE jobs SET step = :step, details = :details WHERE id = :id;

-- name: end
UPDATE jobs SET state = :state, error = :error, ended_at = :now WHERE id = :id;

-- name: say
INSERT INTO job_lines (job, at, line) VALUES (:id, :now, :line);

-- name: lines
SELECT line FROM job_lines WHERE job = :id ORDER BY rowid;
