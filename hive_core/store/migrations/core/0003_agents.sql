CREATE TABLE agent (
  name TEXT PRIMARY KEY,
  machine TEXT NOT NULL UNIQUE CHECK (length(machine) <= 11),
  config TEXT NOT NULL,
  desired TEXT NOT NULL CHECK (desired IN ('running', 'stopped')),
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  since INTEGER NOT NULL,
  reason TEXT,
  until INTEGER,
  instance TEXT
) STRICT;
