-- name: record
INSERT INTO audit (at, who, via, action, target, outcome, details)
VALUES (:at, :who, :via, :action, :target, :outcome, :details);

-- name: audit_page
SELECT * FROM audit WHERE id < :before ORDER BY id DESC LIMIT :limit;

-- name: operator
SELECT * FROM operators WHERE name = :name;

-- name: operators
SELECT * FROM operators ORDER BY name;

-- name: add_operator
INSERT INTO operators (name, role, created_at) VALUES (:name, :role, :now) ON CONFLICT (name) DO NOTHING;

-- name: set_password
UPDATE operators SET password = :password WHERE name = :name;

-- name: add_invite
INSERT INTO invites (token_hash, operator, expires_at) VALUES (:token_hash, :operator, :expires_at);

-- name: use_invite
DELETE FROM invites WHERE token_hash = :token_hash RETURNING operator, expires_at;

-- name: drop_expired_invites
DELETE FROM invites WHERE expires_at <= :now;

-- name: add_session
INSERT INTO sessions (token_hash, id, operator, means, address, created_at, seen_at, expires_at)
VALUES (:token_hash, :id, :operator, :means, :address, :now, :now, :expires_at);

-- name: session
SELECT s.id, s.operator, s.means, s.address, s.created_at, s.seen_at, s.expires_at, o.role
FROM sessions s JOIN operators o ON o.name = s.operator
WHERE s.token_hash = :token_hash;

-- name: touch_session
UPDATE sessions SET seen_at = :now WHERE token_hash = :token_hash;

-- name: drop_session
DELETE FROM sessions WHERE token_hash = :token_hash RETURNING operator, address;

-- name: drop_sessions_of
DELETE FROM sessions WHERE operator = :name AND id <> :except;

-- name: sessions
SELECT * FROM sessions
WHERE (:operator IS NULL OR operator = :operator) AND expires_at > :now
    AND (seen_at > :idle_since OR means = 'token')
ORDER BY seen_at DESC, id
LIMIT 500;

-- name: revoke_session
DELETE FROM sessions WHERE id = :id AND (:operator IS NULL OR operator = :operator) RETURNING operator;

-- name: set_role
UPDATE operators SET role = :role WHERE name = :name;

-- name: remove_operator
DELETE FROM operators WHERE name = :name;

-- name: other_admins
SELECT count(*) FROM operators WHERE role = 'admin' AND name <> :name;

-- name: drop_expired_sessions
DELETE FROM sessions WHERE expires_at <= :now OR (seen_at <= :idle_since AND means <> 'token');
