//! Removes what need not be kept any more.

use super::Sqlite;
use crate::retention::Retention;
use crate::store::RetentionStore;
use futures::future::BoxFuture;
use hostler_model::Failure;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::time::Duration;

/// How many jobs go in one step: few enough that a job which comes meanwhile hardly waits.
const STEP: u64 = 100;
/// How many pages the file may shrink by in one step.
const PAGES: u32 = 1000;

impl RetentionStore for Sqlite {
    fn sweep(&self, retention: Retention, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(self.writer.change_together(move |connection| sweep(connection, retention, at)))
    }
}

fn sweep(connection: &Connection, retention: Retention, at: Timestamp) -> rusqlite::Result<bool> {
    let before = |age: Duration| at.as_microsecond().saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
    let execute = |sql: &str, time: i64| connection.prepare_cached(sql)?.execute([time]);
    let removed = [
        remove_jobs(connection, OVER, params![at.as_microsecond()])?,
        remove_jobs(connection, OLD, params![before(retention.finished)])?,
        remove_jobs(connection, OLDEST, params![surplus(connection, retention)?])?,
        execute(FORGET_NAMES, before(retention.idempotency))?,
        execute(FORGET_DECISIONS, before(retention.audit))?,
        execute(FORGET_BATCHES, before(retention.finished))?,
    ];
    connection.prepare_cached(FORGET_OWNERS)?.execute([])?;
    let shrunk = shrink(connection)?;
    Ok(!shrunk && removed.iter().all(|count| *count == 0))
}

/// How many of the oldest ended jobs are to go in this step because there are too many, or too many bytes.
fn surplus(connection: &Connection, retention: Retention) -> rusqlite::Result<i64> {
    let number = |sql: &str| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
    let too_many = number(ENDED)?.unsigned_abs().saturating_sub(retention.count);
    let pages = number("PRAGMA page_count")? - number("PRAGMA freelist_count")?;
    let bytes = pages.unsigned_abs().saturating_mul(number("PRAGMA page_size")?.unsigned_abs());
    let wanted = if bytes > retention.bytes { STEP } else { too_many.min(STEP) };
    Ok(i64::try_from(wanted).unwrap_or(i64::MAX))
}

/// Removes the jobs that a statement names, with all that belongs to them.
fn remove_jobs(connection: &Connection, named: &str, values: impl rusqlite::Params) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare_cached(named)?;
    let ids = statement.query_map(values, |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    for id in &ids {
        for table in BELONGINGS {
            connection.prepare_cached(table)?.execute([id])?;
        }
    }
    Ok(ids.len())
}

/// Gives free pages back to the system; answers whether there may be more of them.
fn shrink(connection: &Connection) -> rusqlite::Result<bool> {
    let free: u32 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
    // Some are left for the next jobs.
    let surplus = free.saturating_sub(PAGES);
    if surplus > 0 {
        connection.execute_batch(&format!("PRAGMA incremental_vacuum({})", surplus.min(PAGES)))?;
    }
    Ok(surplus > PAGES)
}

const BELONGINGS: [&str; 2] = ["DELETE FROM jobs WHERE id = ?", "DELETE FROM attempts WHERE job = ?"];
/// Their own time is over.
const OVER: &str = "SELECT id FROM jobs WHERE keep_until <= ? ORDER BY keep_until LIMIT 100";
/// Those with a time of their own are passed over: it may be longer.
const OLD: &str = "
    SELECT id FROM jobs WHERE ended_at <= ? AND keep_until IS NULL ORDER BY ended_at LIMIT 100";
const OLDEST: &str = "SELECT id FROM jobs WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT ?";
const ENDED: &str = "SELECT count(*) FROM jobs WHERE ended_at IS NOT NULL";
const FORGET_NAMES: &str = "
    DELETE FROM idempotency WHERE (caller, key) IN
        (SELECT caller, key FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT 1000)";
const FORGET_DECISIONS: &str = "
    DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT 1000) AND at <= ?";
const FORGET_BATCHES: &str = "
    DELETE FROM batches WHERE created_at <= ? AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.batch = batches.id)";
/// The last runs are enough to see what happened.
const FORGET_OWNERS: &str = "DELETE FROM owners WHERE number <= (SELECT max(number) FROM owners) - 1000";
