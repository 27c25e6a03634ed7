//! The table of jobs.

use super::Sqlite;
use super::events;
use super::recovery;
use super::row::{self, Word, to_json};
use super::selection::Selection;
use super::{tasks, webhooks};
use crate::failures;
use crate::store::{Arrival, Inserted, JobStore, Owner, Recovered};
use crate::{Cancelled, Event, Filter, Idempotency, Job, Page, State};
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, JobId, Outcome};
use jiff::Timestamp;
use rusqlite::{Connection, Error, OptionalExtension, named_params};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl JobStore for Sqlite {
    fn insert<'a>(&'a self, arrival: Arrival<'a>) -> BoxFuture<'a, Result<Inserted, Failure>> {
        Box::pin(async move {
            let Arrival { job, ttl, kept, idempotency, task, webhooks, owner } = arrival;
            let (id, driver, host) = (job.id.to_string(), job.driver.clone(), job.plan.target.host.clone());
            let (plan, options, warnings) = (to_json(&job.plan)?, to_json(&job.options)?, to_json(&job.warnings)?);
            let (caller, batch) = (job.caller.clone(), job.batch.map(|batch| batch.to_string()));
            let (attempt, trace, repeatable) = (job.attempt, job.trace.clone(), job.options.repeatable);
            let (state, created_at) = (job.state, job.created_at.as_microsecond());
            let started_at = job.started_at.map(Timestamp::as_microsecond);
            let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
            let owner = started_at.map(|_| owner.0);
            let insert = move |connection: &Connection| {
                let values = named_params! {
                    ":id": id, ":state": state.to_string(), ":caller": caller, ":batch": batch, ":driver": driver,
                    ":options": options, ":repeatable": repeatable, ":attempt": attempt, ":owner": owner,
                    ":trace": trace, ":host": host, ":plan": plan, ":created_at": created_at,
                    ":started_at": started_at, ":ttl_ms": ttl_ms, ":warnings": warnings,
                    ":kept": kept.map(|kept| kept.0),
                };
                connection.prepare_cached(INSERT)?.execute(values)
            };
            if idempotency.is_none() && task.is_none() && webhooks.is_empty() {
                return self.writer.change(insert).await.map(|_| Inserted::New);
            }
            if !webhooks.is_empty() {
                self.watched.store(true, Ordering::Relaxed);
            }
            let (id, caller, idempotency, webhooks) =
                (job.id, job.caller.clone(), idempotency.cloned(), webhooks.to_vec());
            self.writer
                .change_together(move |connection| {
                    let known = match idempotency {
                        Some(idempotency) => name(connection, &caller, &idempotency, id, created_at)?,
                        None => Inserted::New,
                    };
                    if known == Inserted::New {
                        insert(connection)?;
                        if let Some(task) = &task
                            && tasks::insert(connection, task)? == 0
                        {
                            return Err(Error::StatementChangedRows(0));
                        }
                        webhooks::keep(connection, id, task.as_ref().map(|kept| &kept.task.id), &webhooks)?;
                    }
                    Ok(known)
                })
                .await
        })
    }

    fn get(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, Failure>> {
        Box::pin(self.read(move |connection| {
            let sql = format!("SELECT {} FROM jobs WHERE id = ?", row::WHOLE);
            connection.prepare_cached(&sql)?.query_row([id.to_string()], row::job).optional()
        }))
    }

    fn list(&self, filter: Filter, page: Page) -> BoxFuture<'_, Result<Vec<Job>, Failure>> {
        Box::pin(self.read(move |connection| {
            let columns = if page.with_results { row::WHOLE } else { row::WITHOUT_RESULTS };
            let (sql, selection) = Selection::new(filter).page(columns, page);
            connection.prepare_cached(&sql)?.query_map(&*selection.values(), row::job)?.collect()
        }))
    }

    fn counts(&self, filter: Filter) -> BoxFuture<'_, Result<BTreeMap<State, u64>, Failure>> {
        Box::pin(self.read(move |connection| {
            let selection = Selection::new(filter);
            let sql = format!("SELECT state, count(*) FROM jobs WHERE {} GROUP BY state", selection.condition());
            let count =
                |row: &rusqlite::Row<'_>| Ok((row.get::<_, Word<_>>(0)?.0, row.get::<_, i64>(1)?.unsigned_abs()));
            connection.prepare_cached(&sql)?.query_map(&*selection.values(), count)?.collect()
        }))
    }

    fn claim(&self, id: JobId, owner: Owner, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(self.change_one(move |connection| {
            let values = named_params! { ":id": id.to_string(), ":owner": owner.0, ":at": at.as_microsecond() };
            connection.prepare_cached(CLAIM)?.execute(values)
        }))
    }

    fn mark_effect(&self, id: JobId, owner: Owner, at: Timestamp) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(self.change_one(move |connection| {
            let values = named_params! { ":id": id.to_string(), ":owner": owner.0, ":at": at.as_microsecond() };
            connection.prepare_cached(MARK_EFFECT)?.execute(values)
        }))
    }

    fn end<'a>(
        &'a self,
        id: JobId,
        outcome: &'a Outcome,
        last_events: &'a [Arc<Event>],
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<State>, Failure>> {
        Box::pin(async move {
            let end = End::new(outcome, last_events, at)?;
            let has_log = !last_events.is_empty();
            let change = move |connection: &Connection| end.of(connection, id);
            if has_log { self.writer.change_together(change).await } else { self.writer.change(change).await }
        })
    }

    fn request_cancel(&self, filter: Filter, at: Timestamp) -> BoxFuture<'_, Result<Cancelled, Failure>> {
        Box::pin(async move {
            let error = to_json(&failures::canceled())?;
            let selection = Selection::new(filter).with(":at", at.as_microsecond());
            self.writer
                .change_together(move |connection| {
                    let mut cancelled = Cancelled::default();
                    if let Some(started) = selection.in_state(State::Started) {
                        let sql = format!(
                            "UPDATE jobs SET cancel_at = coalesce(cancel_at, :at) WHERE {started} RETURNING id"
                        );
                        cancelled.asked = ids(connection, &sql, &selection)?;
                    }
                    if let Some(queued) = selection.in_state(State::Queued) {
                        let selection = selection.with(":error", error);
                        let sql = format!(
                            "UPDATE jobs SET state = 'canceled', error = :error, results = '[]',
                                outcome_warnings = '[]', {ENDED} WHERE {queued} RETURNING id"
                        );
                        cancelled.ended = ids(connection, &sql, &selection)?;
                    }
                    Ok(cancelled)
                })
                .await
        })
    }

    fn recover(&self, owner: Owner, at: Timestamp) -> BoxFuture<'_, Result<Recovered, Failure>> {
        Box::pin(self.writer.change_together(move |connection| recovery::recover(connection, owner, at)))
    }

    fn known<'a>(
        &'a self,
        caller: &'a str,
        idempotency: &'a Idempotency,
    ) -> BoxFuture<'a, Result<Option<Inserted>, Failure>> {
        let (caller, named) = (caller.to_owned(), idempotency.clone());
        Box::pin(self.read(move |connection| named_before(connection, &caller, &named).optional()))
    }

    fn check(&self, owner: Owner, at: Timestamp) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.writer.change(move |connection| {
            let values = named_params! { ":owner": owner.0, ":at": at.as_microsecond() };
            connection.prepare_cached(SEEN)?.execute(values).map(drop)
        }))
    }

    fn seen(&self, owner: Owner, at: Timestamp) {
        self.writer.note("that the daemon lives", move |connection| {
            let values = named_params! { ":owner": owner.0, ":at": at.as_microsecond() };
            connection.prepare_cached(SEEN)?.execute(values)
        });
    }
}

/// Notes how the caller named a submission. Anything but [`Inserted::New`] is about an earlier one of that name.
fn name(
    connection: &Connection,
    caller: &str,
    named: &Idempotency,
    id: JobId,
    created_at: i64,
) -> rusqlite::Result<Inserted> {
    let values = named_params! {
        ":caller": caller, ":key": named.key, ":fingerprint": named.fingerprint, ":job": id.to_string(),
        ":at": created_at,
    };
    if connection.prepare_cached(NAME)?.execute(values)? == 1 {
        return Ok(Inserted::New);
    }
    named_before(connection, caller, named)
}

/// What has this name; it is an error if nothing has.
fn named_before(connection: &Connection, caller: &str, named: &Idempotency) -> rusqlite::Result<Inserted> {
    connection.prepare_cached(NAMED)?.query_row([caller, &named.key], |row| {
        let same = row.get::<_, [u8; 32]>(0)? == named.fingerprint;
        Ok(if same { Inserted::Known(row.get::<_, Word<_>>(1)?.0) } else { Inserted::Conflict })
    })
}

fn ids(connection: &Connection, sql: &str, selection: &Selection) -> rusqlite::Result<Vec<JobId>> {
    let id = |row: &rusqlite::Row<'_>| Ok(row.get::<_, Word<_>>(0)?.0);
    connection.prepare_cached(sql)?.query_map(&*selection.values(), id)?.collect()
}

/// An outcome as it is written.
pub(super) struct End {
    canceled: bool,
    error: Option<String>,
    warnings: String,
    results: String,
    last_events: Vec<Arc<Event>>,
    at: i64,
}

impl End {
    pub(super) fn new(outcome: &Outcome, last_events: &[Arc<Event>], at: Timestamp) -> Result<Self, Failure> {
        Ok(Self {
            canceled: outcome.error.as_ref().is_some_and(|error| error.kind == ErrorKind::Canceled),
            error: outcome.error.as_ref().map(to_json).transpose()?,
            warnings: to_json(&outcome.warnings)?,
            results: to_json(&outcome.results)?,
            last_events: last_events.to_vec(),
            at: at.as_microsecond(),
        })
    }

    /// Ends a job that has not ended; answers its state.
    pub(super) fn of(&self, connection: &Connection, id: JobId) -> rusqlite::Result<Option<State>> {
        let values = named_params! {
            ":id": id.to_string(), ":canceled": self.canceled, ":error": self.error, ":warnings": self.warnings,
            ":results": self.results, ":at": self.at,
        };
        let state = |row: &rusqlite::Row<'_>| Ok(row.get::<_, Word<_>>(0)?.0);
        let ended = connection.prepare_cached(END)?.query_row(values, state).optional()?;
        if ended.is_some() {
            events::finish(connection, id, &self.last_events)?;
        }
        Ok(ended)
    }
}

const INSERT: &str = "
    INSERT INTO jobs (id, state, caller, batch, driver, options, repeatable, attempt, owner, trace, host, plan,
        created_at, queued_at, started_at, ttl_ms, warnings, kept)
    VALUES (:id, :state, :caller, :batch, :driver, :options, :repeatable, :attempt, :owner, :trace, :host, :plan,
        :created_at, :created_at, :started_at, :ttl_ms, :warnings, :kept)";
const NAME: &str = "
    INSERT INTO idempotency (caller, key, fingerprint, job, created_at) VALUES (:caller, :key, :fingerprint, :job, :at)
    ON CONFLICT DO NOTHING";
const NAMED: &str = "SELECT fingerprint, job FROM idempotency WHERE caller = ? AND key = ?";
const CLAIM: &str = "
    UPDATE jobs SET state = 'started', started_at = :at, owner = :owner WHERE id = :id AND state = 'queued'";
const MARK_EFFECT: &str = "
    UPDATE jobs SET effect_at = coalesce(effect_at, :at), kept = CASE WHEN repeatable THEN kept END
    WHERE id = :id AND state = 'started' AND owner = :owner";
/// What is set at each end, at the time `:at`.
const ENDED: &str = "
    ended_at = :at, kept = NULL, keep_until = :at + (options ->> '$.result_ttl.secs') * 1000000";
const END: &str = "
    UPDATE jobs SET error = :error, outcome_warnings = :warnings, results = :results,
        state = CASE WHEN :canceled AND cancel_at IS NOT NULL THEN 'canceled'
            WHEN :error IS NULL THEN 'finished' ELSE 'failed' END,
        ended_at = :at, kept = NULL, keep_until = :at + (options ->> '$.result_ttl.secs') * 1000000
    WHERE id = :id AND state IN ('queued', 'started') RETURNING state";
const SEEN: &str = "UPDATE owners SET seen_at = :at WHERE token = :owner";
