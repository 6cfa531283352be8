-- Who is signed in signs in once more: sessions get names by which they can be listed and ended.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN means TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX sessions_by_id ON sessions (id);

-- The audit log is written to and never changed; what is a year older than its newest row, retention may delete.
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
WHEN OLD.at > (SELECT max(at) FROM audit) - 365 * 86400000
BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
