//! The table of jobs.

use super::Sqlite;
use super::row::{self, COLUMNS, Word, to_json};
use crate::failures::{self, Reached};
use crate::store::JobStore;
use crate::{Filter, Job, State};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId, Outcome};
use jiff::Timestamp;
use rusqlite::{ToSql, named_params, params_from_iter};
use std::time::Duration;

/// The condition of a filter and its parameters.
fn condition(filter: Filter) -> (String, Vec<String>) {
    let (mut condition, mut values) = (String::from("TRUE"), Vec::new());
    for (test, value) in [
        (" AND id = ?", filter.id.map(|id| id.to_string())),
        (" AND state = ?", filter.state.map(|state| state.to_string())),
        (" AND host = ?", filter.host),
        (" AND caller = ?", filter.caller),
    ] {
        if let Some(value) = value {
            condition += test;
            values.push(value);
        }
    }
    (condition, values)
}

impl JobStore for Sqlite {
    fn insert<'a>(&'a self, job: &'a Job, ttl: Duration) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (id, driver, target) = (job.id.to_string(), job.driver.clone(), job.plan.target.clone());
            let (plan, options, warnings) = (to_json(&job.plan)?, to_json(&job.options)?, to_json(&job.warnings)?);
            let (caller, batch) = (job.caller.clone(), job.batch.map(|batch| batch.to_string()));
            let (attempt, trace) = (job.attempt, job.trace.clone());
            let (state, created_at) = (job.state, job.created_at.as_microsecond());
            let started_at = job.started_at.map(Timestamp::as_microsecond);
            let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
            self.writer
                .change(move |connection| {
                    let values = named_params! {
                        ":id": id, ":state": state.to_string(), ":caller": caller, ":batch": batch, ":driver": driver,
                        ":options": options, ":attempt": attempt, ":trace": trace, ":host": target.host,
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
}

const INSERT: &str = "
    INSERT INTO jobs (id, state, caller, batch, driver, options, attempt, trace, host, port, user, plan, created_at,
        started_at, ttl_ms, warnings)
    VALUES (:id, :state, :caller, :batch, :driver, :options, :attempt, :trace, :host, :port, :user, :plan, :created_at,
        :started_at, :ttl_ms, :warnings)";
const CLAIM: &str = "UPDATE jobs SET state = 'started', started_at = :at WHERE id = :id AND state = 'queued'";
const MARK_EFFECT: &str = "UPDATE jobs SET effect_at = coalesce(effect_at, :at) WHERE id = :id AND state = 'started'";
const END: &str = "
    UPDATE jobs SET state = :state, ended_at = :at, outcome = :outcome
    WHERE id = :id AND state IN ('queued', 'started')";
const ABANDON: &str = "
    UPDATE jobs SET state = 'failed', ended_at = :at,
        outcome = CASE WHEN state = 'queued' THEN :queued WHEN effect_at IS NULL THEN :started ELSE :acted END
    WHERE state IN ('queued', 'started') RETURNING id";
