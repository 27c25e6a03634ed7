-- Whom to tell of a job; `sealed` is everything that may be secret. `events` are words with a comma before and behind each.
CREATE TABLE webhooks (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    job       TEXT NOT NULL,
    receiver  TEXT NOT NULL,
    events    TEXT NOT NULL,
    sealed    BLOB NOT NULL
) STRICT;
CREATE INDEX webhooks_by_job ON webhooks (job);

-- What is told. `attempts` is a list in JSON; a delivery waits exactly as long as `next_at` is set.
CREATE TABLE deliveries (
    id         TEXT PRIMARY KEY,
    webhook    INTEGER NOT NULL,
    job        TEXT NOT NULL,
    receiver   TEXT NOT NULL,
    event      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    state      TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given-up')),
    next_at    INTEGER,
    attempts   TEXT NOT NULL DEFAULT '[]',
    body       BLOB,
    CHECK ((next_at IS NULL) = (state <> 'waiting'))
) STRICT;
CREATE INDEX deliveries_by_job ON deliveries (job);
CREATE INDEX deliveries_by_time ON deliveries (next_at) WHERE next_at IS NOT NULL;

-- Whoever changes a job's state, and for whatever reason: that it is told is part of the same step.
CREATE TRIGGER deliveries_of_a_change AFTER UPDATE OF state ON jobs WHEN new.state <> old.state
BEGIN
    INSERT INTO deliveries (id, webhook, job, receiver, event, created_at, next_at)
        SELECT lower(hex(randomblob(16))), id, job, receiver, new.state, coalesce(new.ended_at, new.started_at),
            coalesce(new.ended_at, new.started_at)
        FROM webhooks WHERE job = new.id AND instr(events, ',' || new.state || ',') ORDER BY id;
    DELETE FROM webhooks WHERE job = new.id AND new.ended_at IS NOT NULL
        AND id NOT IN (SELECT webhook FROM deliveries WHERE job = new.id AND next_at IS NOT NULL);
END;

-- A job may come in started.
CREATE TRIGGER deliveries_of_a_start AFTER INSERT ON webhooks WHEN instr(new.events, ',started,')
BEGIN
    INSERT INTO deliveries (id, webhook, job, receiver, event, created_at, next_at)
        SELECT lower(hex(randomblob(16))), new.id, id, new.receiver, state, started_at, started_at
        FROM jobs WHERE id = new.job AND state = 'started';
END;

CREATE TRIGGER webhooks_without_deliveries AFTER UPDATE OF next_at ON deliveries WHEN new.next_at IS NULL
BEGIN
    DELETE FROM webhooks WHERE id = new.webhook
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = new.job AND ended_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM deliveries WHERE job = new.job AND webhook = new.webhook AND next_at IS NOT NULL);
    DELETE FROM deliveries WHERE id = new.id AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = new.job);
END;

-- What still waits outlives its job.
CREATE TRIGGER deliveries_of_a_removed_job AFTER DELETE ON jobs
BEGIN
    DELETE FROM deliveries WHERE job = old.id AND next_at IS NULL;
    DELETE FROM webhooks WHERE job = old.id
        AND id NOT IN (SELECT webhook FROM deliveries WHERE job = old.id AND next_at IS NOT NULL);
END;
