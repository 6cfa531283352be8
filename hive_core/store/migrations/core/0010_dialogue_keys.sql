-- What was asked or set twice with one key, because the reply was lost or a turn was done again, is one thing.
ALTER TABLE questions ADD COLUMN key TEXT;
CREATE UNIQUE INDEX questions_by_key ON questions (asker, key) WHERE key IS NOT NULL;
ALTER TABLE reminders ADD COLUMN key TEXT;
CREATE UNIQUE INDEX reminders_by_key ON reminders (agent, key) WHERE key IS NOT NULL;
