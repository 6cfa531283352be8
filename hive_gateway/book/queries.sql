-- name: put
INSERT INTO requests (id, at, agent, account, model, priced_as, input, cache_read, cache_write_5m, cache_write_1h,
    output, searches, nano_usd, exact)
VALUES (:id, :at, :agent, :account, :model, :priced_as, :input, :cache_read, :cache_write_5m, :cache_write_1h,
    :output, :searches, :nano_usd, :exact)
ON CONFLICT (id) DO UPDATE SET model = excluded.model, priced_as = excluded.priced_as, input = excluded.input,
    cache_read = excluded.cache_read, cache_write_5m = excluded.cache_write_5m,
    cache_write_1h = excluded.cache_write_1h, output = excluded.output, searches = excluded.searches,
    nano_usd = excluded.nano_usd, exact = excluded.exact;

-- name: since
-- And the whole day of the newest of them, if that is earlier: the clock may be ahead, and is set back later.
SELECT at, agent, account, nano_usd, input + cache_read + cache_write_5m + cache_write_1h + output AS tokens
FROM requests WHERE at >= min(:at, coalesce((SELECT max(at) FROM requests), :at) / 86400000 * 86400000) ORDER BY at;

-- name: forget
-- By the newest of them too: a clock that runs ahead makes nothing old.
DELETE FROM requests WHERE at < min(:now, (SELECT max(at) FROM requests)) - :kept;

-- name: put_hold
INSERT OR REPLACE INTO holds (account, kind, reason, until, claim) VALUES (:account, :kind, :reason, :until, :claim);

-- name: drop_hold
DELETE FROM holds WHERE account = :account;

-- name: holds
SELECT * FROM holds;

-- name: put_egress
INSERT INTO egress (at, agent, host, port, verdict, detail, address, sent, received, seconds)
VALUES (:at, :agent, :host, :port, :verdict, :detail, :address, :sent, :received, :seconds);

-- name: egress
SELECT * FROM egress WHERE id < :before AND (:agent IS NULL OR agent = :agent) ORDER BY id DESC LIMIT :limit;

-- name: trim_egress
DELETE FROM egress WHERE id <= (SELECT max(id) FROM egress) - :keep;

-- name: add_moved
INSERT INTO egress_days (agent, day, bytes) VALUES (:agent, :day, :bytes)
ON CONFLICT (agent, day) DO UPDATE SET bytes = bytes + excluded.bytes;

-- name: moved
SELECT agent, day, bytes FROM egress_days ORDER BY day;

-- name: forget_moved
DELETE FROM egress_days WHERE day < min(:day, (SELECT max(day) FROM egress_days)) - :kept;
