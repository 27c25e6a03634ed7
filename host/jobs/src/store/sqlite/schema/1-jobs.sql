-- Times are microseconds since 1970. A job has an outcome exactly when its state is terminal.
CREATE TABLE jobs (
    id         TEXT PRIMARY KEY,
    state      TEXT NOT NULL CHECK (state IN ('queued', 'started', 'finished', 'failed', 'canceled')),
    driver     TEXT NOT NULL,
    host       TEXT NOT NULL,
    port       INTEGER NOT NULL,
    user       TEXT NOT NULL,
    plan       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    effect_at  INTEGER,
    ended_at   INTEGER,
    ttl_ms     INTEGER NOT NULL,
    outcome    TEXT,
    warnings   TEXT NOT NULL,
    CHECK ((outcome IS NULL) = (state IN ('queued', 'started'))),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_host ON jobs (host, id);
