-- The harness instance that told of the turn's start; NULL where it is not known, which is then no living one's.
ALTER TABLE turns ADD COLUMN instance TEXT;
CREATE INDEX turns_running ON turns (agent) WHERE ended_at IS NULL;

UPDATE turns SET instance = started.instance
FROM (
    SELECT agent, instance, json_extract(event, '$.turn.id') AS id FROM events
    WHERE json_extract(event, '$.kind') = 'turn_started'
) AS started
WHERE turns.ended_at IS NULL AND turns.agent = started.agent AND turns.id = started.id;
