-- Decisions, in the order in which they were made: a job that never came to be has some too.
CREATE TABLE audit (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    at    INTEGER NOT NULL,
    job   TEXT,
    entry TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_job ON audit (job, id);
