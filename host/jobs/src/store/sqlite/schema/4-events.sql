-- What happened in jobs. `number` is that of the event; where `kind` is 'last', that of the last of several: the events that
-- come with the end of a job share one row if they are small. `data` is what was written for 'output', JSON for all others.
CREATE TABLE events (
    job    TEXT NOT NULL,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL CHECK (kind IN ('output', 'ran', 'other', 'last')),
    run    INTEGER,
    stream TEXT,
    offset INTEGER,
    data   BLOB NOT NULL,
    PRIMARY KEY (job, number),
    CHECK ((run IS NOT NULL) = (kind IN ('output', 'ran'))),
    CHECK ((stream IS NOT NULL AND offset IS NOT NULL) = (kind = 'output'))
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_run ON events (job, run, stream, offset) WHERE run IS NOT NULL;
-- However a job goes, its log goes with it.
CREATE TRIGGER events_go_with_their_job AFTER DELETE ON jobs BEGIN
    DELETE FROM events WHERE job = old.id;
END;
