-- Detached tasks. `task` is JSON without secrets; `sealed` is the request by which the target is asked, under the name
-- `sealed_for`. It goes an hour after the task was seen to have ended.
CREATE TABLE tasks (
    id          TEXT PRIMARY KEY,
    caller      TEXT NOT NULL,
    is_open     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    task        TEXT NOT NULL,
    elevated    TEXT,
    sealed_for  TEXT NOT NULL,
    sealed      BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_open ON tasks (id) WHERE is_open;
CREATE INDEX tasks_by_end ON tasks (ended_at) WHERE ended_at IS NOT NULL;
