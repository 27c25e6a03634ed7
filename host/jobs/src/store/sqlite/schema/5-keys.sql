-- API keys. Of a key itself only its SHA-256 is kept. Times are microseconds since 1970; lists are JSON.
CREATE TABLE keys (
    name         TEXT PRIMARY KEY,
    digest       BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    scopes       TEXT NOT NULL,
    drivers      TEXT,
    hosts        TEXT,
    rate         TEXT,
    created_at   INTEGER NOT NULL,
    created_by   TEXT NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;
-- Who asked and what happened, to be searched by.
ALTER TABLE audit ADD COLUMN caller TEXT;
ALTER TABLE audit ADD COLUMN event TEXT;
UPDATE audit SET event = entry ->> 'event';
CREATE INDEX audit_by_caller ON audit (caller, id);
CREATE INDEX audit_by_event ON audit (event, id);
