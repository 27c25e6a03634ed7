-- Who submitted a job and with which options; which attempt it is; whether it is to be stopped.
ALTER TABLE jobs ADD COLUMN caller TEXT NOT NULL DEFAULT 'operator';
ALTER TABLE jobs ADD COLUMN batch TEXT;
ALTER TABLE jobs ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE jobs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
ALTER TABLE jobs ADD COLUMN trace TEXT;
ALTER TABLE jobs ADD COLUMN cancel_at INTEGER;
CREATE INDEX jobs_by_caller ON jobs (caller, id);
CREATE INDEX jobs_by_batch ON jobs (batch, id) WHERE batch IS NOT NULL;
