-- name: turns
-- The newest first, and no more than can be counted in a moment.
SELECT started_at, ended_at, outcome,
    json_extract(turn, '$.wake_reason') AS wake_reason,
    json_extract(turn, '$.duration_seconds') AS duration,
    json_extract(turn, '$.cost_usd') AS cost,
    json_extract(turn, '$.usage.input_tokens') AS input_tokens,
    json_extract(turn, '$.usage.output_tokens') AS output_tokens,
    json_extract(turn, '$.usage.cache_read_tokens') AS cache_read_tokens,
    json_extract(turn, '$.usage.cache_creation_tokens') AS cache_creation_tokens
FROM turns
WHERE started_at >= :since AND (:agent IS NULL OR agent = :agent)
ORDER BY started_at DESC
LIMIT :limit;

-- name: tools
SELECT used.key AS tool, sum(used.value) AS calls
FROM (
    SELECT turn FROM turns
    WHERE started_at >= :since AND (:agent IS NULL OR agent = :agent)
    ORDER BY started_at DESC
    LIMIT :limit
) AS newest, json_each(newest.turn, '$.tools') AS used
GROUP BY used.key
ORDER BY calls DESC, tool
LIMIT 50;

-- name: today
SELECT count(*) AS turns, total(json_extract(turn, '$.cost_usd')) AS cost
FROM turns
WHERE agent = :agent AND started_at >= :since;

-- name: context
-- Of the last turn that knows it, among the last few.
SELECT json_extract(turn, '$.context_tokens') AS tokens
FROM (SELECT turn FROM turns WHERE agent = :agent ORDER BY started_at DESC, id DESC LIMIT 5)
WHERE tokens IS NOT NULL
LIMIT 1;
