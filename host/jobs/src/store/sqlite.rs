//! The store in a file of `SQLite`.

mod audit;
mod batches;
mod events;
mod jobs;
mod keys;
mod recovery;
mod retention;
mod row;
mod selection;
mod tasks;
mod webhooks;
mod writer;

use crate::{Error, failures};
use hostler_model::Failure;
use prometheus_client::metrics::histogram::Histogram;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use writer::Writer;

/// How to reach each version of the schema from the one before it.
const MIGRATIONS: [&str; 9] = [
    include_str!("sqlite/schema/1-jobs.sql"),
    include_str!("sqlite/schema/2-audit.sql"),
    include_str!("sqlite/schema/3-life.sql"),
    include_str!("sqlite/schema/4-events.sql"),
    include_str!("sqlite/schema/5-keys.sql"),
    include_str!("sqlite/schema/6-webhooks.sql"),
    include_str!("sqlite/schema/7-tasks.sql"),
    include_str!("sqlite/schema/8-pushes.sql"),
    include_str!("sqlite/schema/9-audit-size.sql"),
];

/// A larger file is not looked through for damage: 64 MiB take about half a second.
const MOST_CHECKED: u64 = 64 << 20;
/// How many bytes of the journal stay on disk after a burst.
const JOURNAL: u32 = 64 << 20;
/// How `SQLite` calls an `auto_vacuum` in steps.
const INCREMENTAL: u32 = 2;

/// The store in a file of `SQLite`. Writes go through one thread, reads do not wait for them.
pub(crate) struct Sqlite {
    /// Closed before the writer: the last to close puts the journal away, and only the writer can.
    reader: Arc<Mutex<Connection>>,
    writer: Writer,
    /// Whether there were webhooks since the start.
    watched: AtomicBool,
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
        // A run that ended in order put it away.
        let journal = data_dir.join("jobs.sqlite-wal").exists();
        let mut connection = Connection::open(&path).map_err(sqlite)?;
        if journal {
            check(&connection, &path)?;
        }
        set_up(&connection).map_err(sqlite)?;
        migrate(&mut connection, &path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&path, flags).map_err(sqlite)?;
        let watched =
            connection.query_row("SELECT EXISTS (SELECT 1 FROM webhooks)", [], |row| row.get(0)).map_err(sqlite)?;
        let writer = Writer::start(connection).map_err(|source| Error::File { path: path.clone(), source })?;
        let watched = AtomicBool::new(watched);
        Ok(Self { writer, reader: Arc::new(Mutex::new(reader)), watched, _lock: lock })
    }

    /// How long commits take, in seconds.
    pub(crate) fn commits(&self) -> Histogram {
        self.writer.commits()
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

/// Looks for damage, because the last run did not end in order. It reads everything, so it is left out where that would
/// take long; damage is then found when what is damaged is read.
fn check(connection: &Connection, path: &Path) -> Result<(), Error> {
    let size = path.metadata().map_err(|source| Error::File { path: path.into(), source })?.len();
    if size > MOST_CHECKED {
        return Ok(());
    }
    let sqlite = |source| Error::Sqlite { path: path.into(), source };
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if found == "ok" { Ok(()) } else { Err(Error::Damaged { path: path.into(), found }) }
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    // What sealed secrets leave behind is overwritten: a key that is stolen later opens none that were removed.
    connection.pragma_update(None, "secure_delete", true)?;
    // Pages that are free are given back, a few at a time: see `retention`.
    if connection.pragma_query_value(None, "auto_vacuum", |row| row.get::<_, u32>(0))? != INCREMENTAL {
        connection.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
        connection.execute_batch("VACUUM")?;
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL)?;
    // Else the end of each job would be planned anew: plans may not depend on what is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // More statements than the library keeps ready by itself.
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
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

#[cfg(test)]
mod tests;
