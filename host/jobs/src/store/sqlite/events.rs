//! The table of events.

use super::Sqlite;
use super::row::Micros;
use crate::store::EventStore;
use crate::{Event, Happening, Ran, Slice};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId, RunResult};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::Arc;

/// How many events, and bytes of output, are read at once.
const PAGE: (usize, usize) = (64, 256 << 10);

/// The last events of a job share one row if they hold no more bytes of output than this.
const SMALL: usize = 16 << 10;

impl EventStore for Sqlite {
    fn append(&self, events: Vec<(JobId, Vec<Arc<Event>>)>) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.writer.change_together(move |connection| {
            for (job, events) in &events {
                let job = job.to_string();
                if connection.prepare_cached(IS_STARTED)?.exists([&job])? {
                    events.iter().try_for_each(|event| insert(connection, &job, event))?;
                }
            }
            Ok(())
        }))
    }

    fn events(&self, job: JobId, after: u64) -> BoxFuture<'_, Result<Vec<Event>, Failure>> {
        Box::pin(self.read(move |connection| {
            let mut statement = connection.prepare_cached(READ)?;
            let mut rows = statement.query(params![job.to_string(), signed(after)])?;
            let (mut page, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let events = read(row)?;
                bytes += events.iter().map(Event::size).sum::<usize>();
                page.extend(events.into_iter().filter(|event| event.number > after));
                if page.len() >= PAGE.0 || bytes >= PAGE.1 {
                    break;
                }
            }
            Ok(page)
        }))
    }

    fn output(&self, job: JobId, run: u32, stream: String, offset: u64) -> BoxFuture<'_, Result<Slice, Failure>> {
        Box::pin(self.read(move |connection| {
            let job = job.to_string();
            let mut slice = Slice { offset, bytes: Vec::new(), total: None };
            let mut statement = connection.prepare_cached(OUTPUT)?;
            let mut rows = statement.query(params![job, run, stream, signed(offset)])?;
            while let Some(row) = rows.next()?
                && slice.bytes.len() < PAGE.1
            {
                read(row)?.iter().for_each(|event| slice.take(event, run, &stream));
            }
            let ran = connection.prepare_cached(RAN)?.query_row(params![job, run], read).optional()?;
            let last = connection.prepare_cached(LAST)?.query_row([&job], read).optional()?;
            for event in ran.iter().chain(&last).flatten() {
                slice.take(event, run, &stream);
            }
            Ok(slice)
        }))
    }
}

/// Adds the last events of a job, in the step that ends it.
pub(super) fn finish(connection: &Connection, job: JobId, events: &[Arc<Event>]) -> rusqlite::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let job = job.to_string();
    let stored = connection.prepare_cached(NEWEST)?.query_row([&job], |row| row.get(0)).map(i64::unsigned_abs)?;
    let rest: Vec<&Event> = events.iter().map(AsRef::as_ref).filter(|event| event.number > stored).collect();
    match rest.as_slice() {
        [_, .., last] if rest.iter().map(|event| event.size()).sum::<usize>() <= SMALL => {
            let values = params![job, signed(last.number), last.at.as_microsecond(), json(&rest)?];
            connection.prepare_cached(INSERT_SEVERAL)?.execute(values).map(drop)
        }
        rest => rest.iter().try_for_each(|event| insert(connection, &job, event)),
    }
}

/// Empties the log of a job that is to be carried out again, but for a note of that.
pub(super) fn begin_again(connection: &Connection, job: JobId, attempt: u32) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM events WHERE job = ?")?.execute([job.to_string()])?;
    insert(connection, &job.to_string(), &Event::again(attempt))
}

/// The results of a job that nobody could join any more, as far as they were logged.
pub(super) fn results(connection: &Connection, job: JobId) -> rusqlite::Result<Vec<RunResult>> {
    let mut statement = connection.prepare_cached(ALL)?;
    let mut rows = statement.query([job.to_string()])?;
    let (mut results, mut written) = (Vec::new(), HashMap::<_, Vec<u8>>::new());
    while let Some(row) = rows.next()? {
        for event in read(row)? {
            match event.what {
                Happening::Output { run, stream, bytes, .. } => {
                    written.entry((run, stream)).or_default().extend_from_slice(&bytes);
                }
                Happening::Ran(ran) => {
                    let mut of = |stream: &str| written.remove(&(ran.run, stream.to_owned())).unwrap_or_default();
                    let (stdout, stderr) = (of("stdout"), of("stderr"));
                    results.push(ran.result(&stdout, &stderr));
                }
                _ => {}
            }
        }
    }
    Ok(results)
}

fn insert(connection: &Connection, job: &str, event: &Event) -> rusqlite::Result<()> {
    let (number, at) = (signed(event.number), event.at.as_microsecond());
    let mut statement = connection.prepare_cached(INSERT)?;
    match &event.what {
        Happening::Output { run, stream, offset, bytes } => {
            statement.execute(params![job, number, at, "output", run, stream, signed(*offset), bytes])
        }
        Happening::Ran(ran) => {
            statement.execute(params![job, number, at, "ran", ran.run, None::<&str>, None::<i64>, json(ran)?])
        }
        other => {
            let (none, data) = (None::<i64>, json(other)?);
            statement.execute(params![job, number, at, "other", none, None::<&str>, none, data])
        }
    }
    .map(drop)
}

/// Reads a row of [`COLUMNS!`].
fn read(row: &Row<'_>) -> rusqlite::Result<Vec<Event>> {
    let what = match row.get_ref("kind")?.as_str()? {
        "several" => return from_json(row),
        "output" => Happening::Output {
            run: row.get("run")?,
            stream: row.get("stream")?,
            offset: unsigned(row, "offset")?,
            bytes: row.get("data")?,
        },
        "ran" => Happening::Ran(from_json::<Ran>(row)?),
        _ => from_json(row)?,
    };
    Ok(vec![Event { number: unsigned(row, "number")?, at: row.get::<_, Micros>("at")?.0, what }])
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>) -> rusqlite::Result<T> {
    let data = row.get_ref("data")?.as_blob()?;
    let wrong = |error| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(FromSqlError::other(error)));
    serde_json::from_slice(data).map_err(wrong)
}

fn json(value: &impl Serialize) -> rusqlite::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get(column).map(i64::unsigned_abs)
}

/// What `SQLite` counts with. Nothing that was stored is beyond it.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

macro_rules! COLUMNS {
    ($rest:literal) => {
        concat!("SELECT number, at, kind, run, stream, offset, data FROM events WHERE job = ?1 ", $rest)
    };
}
const READ: &str = COLUMNS!("AND number > ?2 ORDER BY number");
const ALL: &str = COLUMNS!("ORDER BY number");
const LAST: &str = COLUMNS!("ORDER BY number DESC LIMIT 1");
const RAN: &str = COLUMNS!("AND run = ?2 AND stream IS NULL");
// From the piece on that holds the first byte that is asked for.
const OUTPUT: &str = COLUMNS!(
    "AND run = ?2 AND stream = ?3 AND offset >= coalesce(
        (SELECT max(offset) FROM events WHERE job = ?1 AND run = ?2 AND stream = ?3 AND offset <= ?4), 0)
    ORDER BY offset"
);
const NEWEST: &str = "SELECT coalesce(max(number), 0) FROM events WHERE job = ?";
const IS_STARTED: &str = "SELECT 1 FROM jobs WHERE id = ? AND state = 'started'";
const INSERT: &str = "
    INSERT OR IGNORE INTO events (job, number, at, kind, run, stream, offset, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_SEVERAL: &str =
    "INSERT OR IGNORE INTO events (job, number, at, kind, data) VALUES (?, ?, ?, 'several', ?)";
