-- name: set
INSERT INTO notes (agent, text, at) VALUES (:agent, :text, :now)
ON CONFLICT (agent) DO UPDATE SET text = excluded.text, at = excluded.at;

-- name: clear
DELETE FROM notes WHERE agent = :agent;

-- name: all
SELECT * FROM notes;
