-- name: uses
SELECT agent, account FROM account_uses;

-- name: use
INSERT OR REPLACE INTO account_uses (agent, account) VALUES (:agent, :account);

-- name: use_none
DELETE FROM account_uses WHERE agent = :agent;

-- name: all_caps
SELECT scope, name, caps FROM caps ORDER BY scope DESC, name;

-- name: set_caps
INSERT OR REPLACE INTO caps (scope, name, caps) VALUES (:scope, :name, :caps);

-- name: drop_caps
DELETE FROM caps WHERE scope = :scope AND name = :name;

-- name: raises
SELECT scope, name, until, usd, tokens FROM cap_raises WHERE until > :now ORDER BY id;

-- name: add_raise
INSERT INTO cap_raises (scope, name, until, usd, tokens) VALUES (:scope, :name, :until, :usd, :tokens);

-- name: drop_old_raises
DELETE FROM cap_raises WHERE until <= :now;

-- name: stopped
SELECT words FROM stopped;

-- name: stop
INSERT OR REPLACE INTO stopped (one, at, words) VALUES (1, :now, :words);

-- name: resume
DELETE FROM stopped;
