//! What becomes of jobs that an earlier run of the daemon left.

use super::events;
use super::jobs::End;
use super::row::{self, Micros};
use crate::failures::{self, Reached};
use crate::kept::Kept;
use crate::store::{Owner, Recovered, Waiting};
use crate::{Job, State};
use hostler_model::{Failure, Outcome};
use jiff::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use std::time::Duration;

/// A job that has not ended, and what only the store knows of it.
struct Left {
    job: Job,
    effect_at: Option<i64>,
    /// Since when it waits. It was written by another clock perhaps, or by this one before it was set.
    queued_at: i64,
    ttl: Duration,
    kept: Option<Kept>,
}

/// What becomes of it.
enum Fate {
    Waits(Kept),
    BeginsAgain(Kept),
    Ends(Failure),
}

pub(super) fn recover(connection: &Connection, owner: Owner, at: Timestamp) -> rusqlite::Result<Recovered> {
    let seen = connection.query_row(SEEN, [], |row| row.get::<_, Micros>(0)).optional()?.map(|seen| seen.0);
    let now = at.as_microsecond();
    connection.execute(ADD_OWNER, named_params! { ":owner": owner.0, ":at": now })?;
    let sql = format!("SELECT {}, effect_at, queued_at, ttl_ms, kept FROM jobs {OPEN}", row::WHOLE);
    let open = connection.prepare(&sql)?.query_map([], left)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut recovered = Recovered::default();
    for mut left in open {
        let id = left.job.id;
        match fate(&mut left, at, seen) {
            Fate::Waits(kept) => {
                let left_of_ttl = left.ttl.saturating_sub(waited(left.queued_at, at));
                recovered.queued.push(Waiting { job: left.job, kept, left: left_of_ttl });
            }
            Fate::BeginsAgain(kept) => {
                let values = named_params! { ":id": id.to_string(), ":at": now };
                connection.prepare_cached(REMEMBER_ATTEMPT)?.execute(values)?;
                connection.prepare_cached(BEGIN_AGAIN)?.execute(values)?;
                events::begin_again(connection, id, left.job.attempt + 1)?;
                let job = Job { state: State::Queued, attempt: left.job.attempt + 1, started_at: None, ..left.job };
                recovered.queued.push(Waiting { job, kept, left: left.ttl });
            }
            Fate::Ends(failure) => {
                let outcome = Outcome { results: events::results(connection, id)?, ..failure.into() };
                End::new(&outcome, &[], at).map_err(FromSqlError::other)?.of(connection, id)?;
                recovered.lost.push(id);
            }
        }
    }
    Ok(recovered)
}

/// A job that waits goes on waiting if there is time left. One that was begun is begun again if it is certain that
/// it did nothing yet, or if it may be repeated.
fn fate(left: &mut Left, at: Timestamp, seen: Option<Timestamp>) -> Fate {
    let (job, kept) = (&left.job, left.kept.take());
    if job.state == State::Queued {
        return match kept {
            None => Fate::Ends(failures::lost_with_daemon(Reached::Queue, seen)),
            Some(_) if waited(left.queued_at, at) >= left.ttl => Fate::Ends(failures::expired(left.ttl)),
            Some(kept) => Fate::Waits(kept),
        };
    }
    let reached = if left.effect_at.is_some() { Reached::Effect } else { Reached::Start };
    let lost = || Fate::Ends(failures::lost_with_daemon(reached, seen));
    match kept {
        _ if job.cancel_requested_at.is_some() && reached == Reached::Start => {
            Fate::Ends(failures::canceled_before_effect())
        }
        _ if job.cancel_requested_at.is_some() => lost(),
        Some(_) if job.attempt >= Owner::MOST_ATTEMPTS => Fate::Ends(failures::lost_each_time(job.attempt)),
        Some(kept) if reached == Reached::Start || job.options.repeatable => Fate::BeginsAgain(kept),
        _ => lost(),
    }
}

/// How long a job has waited. With a clock that was set back it has not waited at all: then it may wait for longer than
/// its time to live, which is better than to lose it.
fn waited(queued_at: i64, at: Timestamp) -> Duration {
    Duration::from_micros(at.as_microsecond().saturating_sub(queued_at).max(0).unsigned_abs())
}

fn left(row: &Row<'_>) -> rusqlite::Result<Left> {
    Ok(Left {
        job: row::job(row)?,
        effect_at: row.get("effect_at")?,
        queued_at: row.get("queued_at")?,
        ttl: Duration::from_millis(row.get::<_, i64>("ttl_ms")?.unsigned_abs()),
        kept: row.get::<_, Option<_>>("kept")?.map(Kept),
    })
}

const SEEN: &str = "SELECT seen_at FROM owners ORDER BY number DESC LIMIT 1";
const ADD_OWNER: &str = "INSERT INTO owners (token, started_at, seen_at) VALUES (:owner, :at, :at)";
const OPEN: &str = "WHERE state IN ('queued', 'started') ORDER BY id";
const REMEMBER_ATTEMPT: &str = "
    INSERT INTO attempts (job, attempt, owner, started_at, effect_at, lost_at)
    SELECT id, attempt, owner, started_at, effect_at, :at FROM jobs WHERE id = :id";
const BEGIN_AGAIN: &str = "
    UPDATE jobs SET state = 'queued', attempt = attempt + 1, owner = NULL, started_at = NULL, effect_at = NULL,
        queued_at = :at
    WHERE id = :id";
