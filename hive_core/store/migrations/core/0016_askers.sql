-- Who else asked for what somebody had asked for already: they are told how it ended, too.
CREATE TABLE job_askers (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    via TEXT NOT NULL,
    PRIMARY KEY (job, name, via)
) STRICT, WITHOUT ROWID;

CREATE TABLE approval_askers (
    approval TEXT NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    via TEXT NOT NULL,
    PRIMARY KEY (approval, name, via)
) STRICT, WITHOUT ROWID;
