//! Removes what need not be kept any more.

use super::Sqlite;
use crate::retention::Retention;
use crate::store::RetentionStore;
use futures::future::BoxFuture;
use hostler_model::Failure;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::time::{Duration, Instant};

/// How many jobs go in one step at most.
const STEP: u64 = 100;
/// How long a step goes on removing jobs: a job that comes meanwhile waits for so long. Some have long logs.
const PATIENCE: Duration = Duration::from_millis(20);
/// How many of them go because there are too many bytes: a few may be enough.
const LARGE_STEP: u64 = 10;
/// How many pages the file shrinks by in one step at most.
const PAGES: u32 = 256;
/// How many free pages are left for the next jobs.
const SPARE: u32 = 1024;

impl RetentionStore for Sqlite {
    fn sweep(&self, retention: Retention, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(self.writer.change_together(move |connection| sweep(connection, retention, at)))
    }
}

fn sweep(connection: &Connection, retention: Retention, at: Timestamp) -> rusqlite::Result<bool> {
    let before = |age: Duration| at.as_microsecond().saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
    let execute = |sql: &str, time: i64| connection.prepare_cached(sql)?.execute([time]);
    let audit_bytes = i64::try_from(retention.audit_bytes).unwrap_or(i64::MAX);
    let removed = [
        remove_jobs(connection, OVER, params![at.as_microsecond()])?,
        remove_jobs(connection, OLD, params![before(retention.finished)])?,
        remove_jobs(connection, OLDEST, params![surplus(connection, retention)?])?,
        execute(FORGET_NAMES, before(retention.idempotency))?,
        connection.prepare_cached(FORGET_DECISIONS)?.execute([before(retention.audit), audit_bytes])?,
        execute(FORGET_BATCHES, before(retention.finished))?,
    ];
    connection.prepare_cached(FORGET_OWNERS)?.execute([])?;
    let shrunk = shrink(connection)?;
    Ok(!shrunk && removed.iter().all(|count| *count == 0))
}

/// How many of the oldest ended jobs are to go in this step because there are too many, or too many bytes. Those of
/// which is still to be told are not among the many: others would go for them, as soon as they end.
fn surplus(connection: &Connection, retention: Retention) -> rusqlite::Result<i64> {
    let number =
        |sql: &str| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let untold = number(&format!("{ENDED} AND id IN ({UNTOLD})"))?;
    let too_many = number(ENDED)?.saturating_sub(untold).saturating_sub(retention.count);
    let pages = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
    // That the audit is long must cost no job.
    let bytes = pages.saturating_mul(number("PRAGMA page_size")?).saturating_sub(number(AUDIT_BYTES)?);
    let wanted = if bytes > retention.bytes { LARGE_STEP } else { too_many.min(STEP) };
    Ok(i64::try_from(wanted).unwrap_or(i64::MAX))
}

/// Removes the jobs that a condition names, as long as patience lasts, but for those of which is still to be told. What
/// belongs to them goes with them: see the triggers of the schema.
fn remove_jobs(connection: &Connection, named: &str, values: impl rusqlite::Params) -> rusqlite::Result<usize> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT id FROM jobs WHERE id NOT IN ({UNTOLD}) AND {named}"))?;
    let ids = statement.query_map(values, |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let begun = Instant::now();
    let mut removed = 0;
    for id in ids {
        removed += connection.prepare_cached(REMOVE)?.execute([id])?;
        if begun.elapsed() > PATIENCE {
            break;
        }
    }
    Ok(removed)
}

/// Gives free pages back to the system; answers whether there may be more of them.
fn shrink(connection: &Connection) -> rusqlite::Result<bool> {
    let free: u32 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
    let surplus = free.saturating_sub(SPARE);
    if surplus > 0 {
        let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({})", surplus.min(PAGES)))?;
        let mut freed = statement.query([])?;
        // Each page is a row without columns.
        while freed.next()?.is_some() {}
    }
    Ok(surplus > PAGES)
}

const REMOVE: &str = "DELETE FROM jobs WHERE id = ?";
/// What webhooks say of a job is made of it at the first attempt, which each delivery comes to.
const UNTOLD: &str = "SELECT job FROM deliveries WHERE next_at IS NOT NULL AND body IS NULL AND slice IS NULL";
/// Their own time is over.
const OVER: &str = "keep_until <= ? ORDER BY keep_until LIMIT 100";
/// Those with a time of their own are passed over: it may be longer.
const OLD: &str = "ended_at <= ? AND keep_until IS NULL ORDER BY ended_at LIMIT 100";
const OLDEST: &str = "ended_at IS NOT NULL ORDER BY ended_at LIMIT ?";
const ENDED: &str = "SELECT count(*) FROM jobs WHERE ended_at IS NOT NULL";
const FORGET_NAMES: &str = "
    DELETE FROM idempotency WHERE (caller, key) IN
        (SELECT caller, key FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT 1000)";
const FORGET_DECISIONS: &str = "
    DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT 1000)
        AND (at <= ? OR (SELECT bytes FROM audit_size) > ?)";
const AUDIT_BYTES: &str = "SELECT bytes FROM audit_size";
const FORGET_BATCHES: &str = "
    DELETE FROM batches WHERE created_at <= ? AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.batch = batches.id)";
/// The last runs are enough to see what happened.
const FORGET_OWNERS: &str = "DELETE FROM owners WHERE number <= (SELECT max(number) FROM owners) - 1000";
