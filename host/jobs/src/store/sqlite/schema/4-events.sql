-- What happened in jobs. `number` is that of the event, or of the last one where `kind` is 'several': the last events of a
-- job share one row if they are small. `data` is what was written for 'output', JSON for all others.
CREATE TABLE events (
    job    TEXT NOT NULL,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL CHECK (kind IN ('output', 'ran', 'other', 'several')),
    run    INTEGER,
    stream TEXT,
    offset INTEGER,
    data   BLOB NOT NULL,
    PRIMARY KEY (job, number),
    CHECK ((run IS NOT NULL) = (kind IN ('output', 'ran'))),
    CHECK ((stream IS NOT NULL AND offset IS NOT NULL) = (kind = 'output'))
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_run ON events (job, run, stream, offset) WHERE run IS NOT NULL;
