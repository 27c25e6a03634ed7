-- What is told of a detached task while it runs and when it ends. `telling` is JSON, and there until the end was told: so
-- long the webhooks of the task stay. `slice` is the part of its log that a delivery is about, until that was made.
ALTER TABLE tasks ADD COLUMN telling TEXT;
ALTER TABLE webhooks ADD COLUMN task TEXT;
ALTER TABLE deliveries ADD COLUMN slice TEXT;

CREATE INDEX webhooks_by_task ON webhooks (task) WHERE task IS NOT NULL;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, event);
DROP INDEX tasks_open;
CREATE INDEX tasks_open ON tasks (id) WHERE is_open OR telling IS NOT NULL;

DROP TRIGGER deliveries_of_a_change;
CREATE TRIGGER deliveries_of_a_change AFTER UPDATE OF state ON jobs WHEN new.state <> old.state
BEGIN
    INSERT INTO deliveries (id, webhook, job, receiver, event, created_at, next_at)
        SELECT lower(hex(randomblob(16))), id, job, receiver, new.state, coalesce(new.ended_at, new.started_at),
            coalesce(new.ended_at, new.started_at)
        FROM webhooks WHERE job = new.id AND instr(events, ',' || new.state || ',') ORDER BY id;
    DELETE FROM webhooks WHERE job = new.id AND new.ended_at IS NOT NULL
        AND id NOT IN (SELECT webhook FROM deliveries WHERE job = new.id AND next_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = webhooks.task AND telling IS NOT NULL);
END;

DROP TRIGGER webhooks_without_deliveries;
CREATE TRIGGER webhooks_without_deliveries AFTER UPDATE OF next_at ON deliveries WHEN new.next_at IS NULL
BEGIN
    DELETE FROM webhooks WHERE id = new.webhook
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = new.job AND ended_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = webhooks.task AND telling IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM deliveries WHERE job = new.job AND webhook = new.webhook AND next_at IS NOT NULL);
    DELETE FROM deliveries WHERE id = new.id AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = new.job);
END;

DROP TRIGGER deliveries_of_a_removed_job;
CREATE TRIGGER deliveries_of_a_removed_job AFTER DELETE ON jobs
BEGIN
    DELETE FROM deliveries WHERE job = old.id AND next_at IS NULL;
    DELETE FROM webhooks WHERE job = old.id
        AND id NOT IN (SELECT webhook FROM deliveries WHERE job = old.id AND next_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = webhooks.task AND telling IS NOT NULL);
END;

CREATE TRIGGER webhooks_of_a_told_task AFTER UPDATE OF telling ON tasks
    WHEN new.telling IS NULL AND old.telling IS NOT NULL
BEGIN
    DELETE FROM webhooks WHERE task = new.id
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = webhooks.job AND ended_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = webhooks.id AND next_at IS NOT NULL);
END;

CREATE TRIGGER webhooks_of_a_removed_task AFTER DELETE ON tasks WHEN old.telling IS NOT NULL
BEGIN
    DELETE FROM webhooks WHERE task = old.id
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = webhooks.job AND ended_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = webhooks.id AND next_at IS NOT NULL);
END;
