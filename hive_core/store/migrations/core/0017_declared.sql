-- What the machine's configuration declared of an agent, as far as it has been carried out.
CREATE TABLE declared (
    agent TEXT PRIMARY KEY,
    config TEXT NOT NULL
) STRICT, WITHOUT ROWID;
