-- The table of jobs anew: who submitted a job and with which options, which attempt it is, which run of the daemon holds
-- it, and what is needed to carry it out after a restart. What lists do not read stands last, so that they do not walk
-- through it.
ALTER TABLE jobs RENAME TO jobs_before;
DROP INDEX jobs_by_state;
DROP INDEX jobs_by_host;
CREATE TABLE jobs (
    id               TEXT PRIMARY KEY,
    state            TEXT NOT NULL CHECK (state IN ('queued', 'started', 'finished', 'failed', 'canceled')),
    caller           TEXT NOT NULL,
    batch            TEXT,
    driver           TEXT NOT NULL,
    host             TEXT NOT NULL,
    attempt          INTEGER NOT NULL,
    owner            INTEGER,
    created_at       INTEGER NOT NULL,
    queued_at        INTEGER NOT NULL,
    ttl_ms           INTEGER NOT NULL,
    started_at       INTEGER,
    effect_at        INTEGER,
    cancel_at        INTEGER,
    ended_at         INTEGER,
    keep_until       INTEGER,
    trace            TEXT,
    options          TEXT NOT NULL,
    repeatable       INTEGER NOT NULL,
    warnings         TEXT NOT NULL,
    outcome_warnings TEXT,
    error            TEXT,
    plan             TEXT NOT NULL,
    kept             BLOB,
    results          TEXT,
    CHECK ((ended_at IS NULL) = (state IN ('queued', 'started'))),
    CHECK ((ended_at IS NULL) = (results IS NULL)),
    CHECK (ended_at IS NULL OR kept IS NULL)
) STRICT;
INSERT INTO jobs (id, state, caller, driver, host, attempt, created_at, queued_at, ttl_ms, started_at, effect_at,
        ended_at, options, repeatable, warnings, outcome_warnings, error, plan, results)
    SELECT id, state, 'operator', driver, host, 1, created_at, created_at, ttl_ms, started_at, effect_at,
        ended_at, '{}', 0, warnings, outcome -> '$.warnings', nullif(outcome -> '$.error', 'null'), plan,
        outcome -> '$.results'
    FROM jobs_before ORDER BY id;
DROP TABLE jobs_before;
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_host ON jobs (host, state, id);
CREATE INDEX jobs_by_caller ON jobs (caller, state, id);
CREATE INDEX jobs_by_driver ON jobs (driver, state, id);
CREATE INDEX jobs_by_batch ON jobs (batch, state, id) WHERE batch IS NOT NULL;
CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_by_keep ON jobs (keep_until) WHERE keep_until IS NOT NULL;

-- What became of attempts before the one that the job's own row tells of.
CREATE TABLE attempts (
    job        TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    owner      INTEGER,
    started_at INTEGER,
    effect_at  INTEGER,
    lost_at    INTEGER NOT NULL,
    PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID;

-- The runs of the daemon, in their order.
CREATE TABLE owners (
    number     INTEGER PRIMARY KEY,
    token      INTEGER NOT NULL UNIQUE,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT;

-- How callers named their submissions.
CREATE TABLE idempotency (
    caller      TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    job         TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE batches (
    id         TEXT PRIMARY KEY,
    caller     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    refused    TEXT NOT NULL
) STRICT;
