//! The store in a file of `SQLite`.

use super::Store;
use super::row::{self, COLUMNS, Word, to_json};
use super::writer::Writer;
use crate::failures::{self, Reached};
use crate::{Error, Filter, Job, Recorded, State};
use futures::future::BoxFuture;
use hostler_model::{AuditEntry, Failure, JobId, Outcome};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, ToSql, named_params, params, params_from_iter};
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How to reach each version of the schema from the one before it.
const MIGRATIONS: [&str; 2] = [include_str!("schema.sql"), include_str!("audit.sql")];

/// The store in a file of `SQLite`. Writes go through one thread, reads do not wait for them.
pub(crate) struct Sqlite {
    writer: Writer,
    reader: Arc<Mutex<Connection>>,
    /// Released last, when the writer is done.
    _lock: File,
}

impl Sqlite {
    /// Opens `jobs.sqlite` in `data_dir`, or makes it, readable by the owner only.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Error> {
        let lock = lock(&data_dir.join("jobs.lock"))?;
        let path = data_dir.join("jobs.sqlite");
        // SQLite gives its side files the mode of this one.
        private_file(&path).map_err(|source| Error::File { path: path.clone(), source })?;
        let sqlite = |source| Error::Sqlite { path: path.clone(), source };
        let mut connection = Connection::open(&path).map_err(sqlite)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(sqlite)?;
        connection.pragma_update(None, "synchronous", "full").map_err(sqlite)?;
        migrate(&mut connection, &path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&path, flags).map_err(sqlite)?;
        let writer = Writer::start(connection).map_err(|source| Error::File { path: path.clone(), source })?;
        Ok(Self { writer, reader: Arc::new(Mutex::new(reader)), _lock: lock })
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let reader = Arc::clone(&self.reader);
        tokio::task::spawn_blocking(move || read(&reader.lock().expect("reading does not panic")))
            .await
            .map_err(failures::store)?
            .map_err(failures::store)
    }

    /// Makes a change of one job; answers whether it took place.
    async fn change_one(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<bool, Failure> {
        self.writer.change(change).await.map(|changed| changed == 1)
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

fn lock(path: &Path) -> Result<File, Error> {
    let file = private_file(path).map_err(|source| Error::File { path: path.into(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(Error::File { path: path.into(), source }),
    }
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let sqlite = |source| Error::Sqlite { path: path.into(), source };
    let transaction = connection.transaction().map_err(sqlite)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    let known = MIGRATIONS.len();
    if found as usize > known {
        return Err(Error::NewerSchema { path: path.into(), found, known });
    }
    for (version, migration) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        transaction.execute_batch(migration).map_err(sqlite)?;
        transaction.pragma_update(None, "user_version", version).map_err(sqlite)?;
    }
    transaction.commit().map_err(sqlite)
}

/// The condition of a filter and its parameters.
fn condition(filter: Filter) -> (String, Vec<String>) {
    let (mut condition, mut values) = (String::from("TRUE"), Vec::new());
    for (test, value) in [
        (" AND id = ?", filter.id.map(|id| id.to_string())),
        (" AND state = ?", filter.state.map(|state| state.to_string())),
        (" AND host = ?", filter.host),
    ] {
        if let Some(value) = value {
            condition += test;
            values.push(value);
        }
    }
    (condition, values)
}

impl Store for Sqlite {
    fn insert<'a>(&'a self, job: &'a Job, ttl: Duration) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (id, driver, target) = (job.id.to_string(), job.driver.clone(), job.plan.target.clone());
            let (plan, warnings) = (to_json(&job.plan)?, to_json(&job.warnings)?);
            let (state, created_at) = (job.state, job.created_at.as_microsecond());
            let started_at = job.started_at.map(Timestamp::as_microsecond);
            let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
            self.writer
                .change(move |connection| {
                    let values = named_params! {
                        ":id": id, ":state": state.to_string(), ":driver": driver, ":host": target.host,
                        ":port": target.port, ":user": target.user, ":plan": plan, ":created_at": created_at,
                        ":started_at": started_at, ":ttl_ms": ttl_ms, ":warnings": warnings,
                    };
                    connection.prepare_cached(INSERT)?.execute(values).map(drop)
                })
                .await
        })
    }

    fn list(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<Job>, Failure>> {
        Box::pin(self.read(move |connection| {
            let (condition, values) = condition(filter);
            let sql = format!("SELECT {COLUMNS} FROM jobs WHERE {condition} ORDER BY id DESC LIMIT {limit}");
            connection.prepare_cached(&sql)?.query_map(params_from_iter(values), row::job)?.collect()
        }))
    }

    fn claim(&self, id: JobId, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(self.change_one(move |connection| {
            let values = named_params! { ":id": id.to_string(), ":at": at.as_microsecond() };
            connection.prepare_cached(CLAIM)?.execute(values)
        }))
    }

    fn mark_effect(&self, id: JobId, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(self.change_one(move |connection| {
            let values = named_params! { ":id": id.to_string(), ":at": at.as_microsecond() };
            connection.prepare_cached(MARK_EFFECT)?.execute(values)
        }))
    }

    fn end<'a>(&'a self, id: JobId, outcome: &'a Outcome, at: Timestamp) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(async move {
            let (state, outcome) = (State::after(outcome), to_json(outcome)?);
            self.change_one(move |connection| {
                let values = named_params! {
                    ":id": id.to_string(), ":state": state.to_string(), ":at": at.as_microsecond(), ":outcome": outcome,
                };
                connection.prepare_cached(END)?.execute(values)
            })
            .await
        })
    }

    fn cancel(&self, filter: Filter, at: Timestamp) -> BoxFuture<'_, Result<Vec<JobId>, Failure>> {
        Box::pin(async move {
            let outcome = to_json(&Outcome::from(failures::canceled()))?;
            self.writer
                .change(move |connection| {
                    let (condition, wanted) = condition(filter);
                    let sql = format!(
                        "UPDATE jobs SET state = 'canceled', ended_at = ?, outcome = ?
                         WHERE state = 'queued' AND {condition} RETURNING id"
                    );
                    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(at.as_microsecond()), Box::new(outcome)];
                    values.extend(wanted.into_iter().map(|value| Box::new(value) as _));
                    let mut statement = connection.prepare_cached(&sql)?;
                    statement.query_map(params_from_iter(values), |row| Ok(row.get::<_, Word<_>>(0)?.0))?.collect()
                })
                .await
        })
    }

    fn abandon(&self, at: Timestamp) -> BoxFuture<'_, Result<Vec<JobId>, Failure>> {
        Box::pin(async move {
            let lost = |reached| to_json(&Outcome::from(failures::lost(reached)));
            let (queued, started, acted) = (lost(Reached::Queue)?, lost(Reached::Start)?, lost(Reached::Effect)?);
            self.writer
                .change(move |connection| {
                    let values = named_params! {
                        ":at": at.as_microsecond(), ":queued": queued, ":started": started, ":acted": acted,
                    };
                    let mut statement = connection.prepare(ABANDON)?;
                    statement.query_map(values, |row| Ok(row.get::<_, Word<_>>(0)?.0))?.collect()
                })
                .await
        })
    }

    fn record(&self, entry: &AuditEntry, at: Timestamp) {
        let (at, job) = (at.as_microsecond(), entry.job.map(|job| job.to_string()));
        let entry = serde_json::to_string(entry).expect("texts and JSON have a JSON form");
        self.writer.note(move |connection| {
            connection.prepare_cached(RECORD)?.execute(named_params! { ":at": at, ":job": job, ":entry": entry })
        });
    }

    fn decisions(&self, job: Option<JobId>, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>> {
        Box::pin(async move {
            // Nobody waited for the disk when they were made: now somebody does.
            self.writer.change(|_| Ok(())).await?;
            self.read(move |connection| {
                let (job, limit) = (job.map(|job| job.to_string()), i64::try_from(limit).unwrap_or(i64::MAX));
                connection.prepare_cached(DECISIONS)?.query_map(params![job, limit], row::decision)?.collect()
            })
            .await
        })
    }
}

const INSERT: &str = "
    INSERT INTO jobs (id, state, driver, host, port, user, plan, created_at, started_at, ttl_ms, warnings)
    VALUES (:id, :state, :driver, :host, :port, :user, :plan, :created_at, :started_at, :ttl_ms, :warnings)";
const CLAIM: &str = "UPDATE jobs SET state = 'started', started_at = :at WHERE id = :id AND state = 'queued'";
const MARK_EFFECT: &str = "UPDATE jobs SET effect_at = coalesce(effect_at, :at) WHERE id = :id AND state = 'started'";
const END: &str = "
    UPDATE jobs SET state = :state, ended_at = :at, outcome = :outcome
    WHERE id = :id AND state IN ('queued', 'started')";
const RECORD: &str = "INSERT INTO audit (at, job, entry) VALUES (:at, :job, :entry)";
const DECISIONS: &str = "SELECT at, entry FROM audit WHERE ?1 IS NULL OR job = ?1 ORDER BY id DESC LIMIT ?2";
const ABANDON: &str = "
    UPDATE jobs SET state = 'failed', ended_at = :at,
        outcome = CASE WHEN state = 'queued' THEN :queued WHEN effect_at IS NULL THEN :started ELSE :acted END
    WHERE state IN ('queued', 'started') RETURNING id";

#[cfg(test)]
mod tests;
