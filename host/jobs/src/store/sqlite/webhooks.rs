//! The tables of webhooks and deliveries. Most of what happens to them is done by triggers of the schema.

use super::Sqlite;
use super::row::{Json, Micros, Word, json, to_json};
use crate::store::{Busy, Due, Verdict, Watch, WebhookStore};
use crate::webhook::{Attempt, Delivery};
use futures::future::BoxFuture;
use hostler_model::{Failure, JobId, TaskId, TaskSlice, WebhookEvent};
use rusqlite::{Connection, Row, named_params, params};
use std::sync::atomic::Ordering;

/// Keeps the webhooks of a job that was just inserted, and of the task that it is to launch.
pub(super) fn keep(
    connection: &Connection,
    job: JobId,
    task: Option<&TaskId>,
    webhooks: &[Watch],
) -> rusqlite::Result<()> {
    for Watch { to, events, sealed } in webhooks {
        let words = events.iter().fold(String::from(","), |words, event| format!("{words}{event},"));
        let task = task.filter(|_| events.iter().any(|event| event.is_of_task())).map(TaskId::as_str);
        connection.prepare_cached(KEEP)?.execute(params![job.to_string(), task, to, words, sealed])?;
    }
    Ok(())
}

/// Makes the deliveries that tell of a task, and forgets old ones.
pub(super) fn tell(connection: &Connection, event: WebhookEvent, slice: &TaskSlice, at: i64) -> rusqlite::Result<()> {
    let task = slice.task.id.as_str();
    let values = named_params! {
        ":task": task, ":event": event.to_string(), ":wrote": !slice.output.is_empty(), ":slice": json(slice)?,
        ":at": at,
    };
    connection.prepare_cached(TELL)?.execute(values)?;
    connection.prepare_cached(FORGET)?.execute([task]).map(drop)
}

impl WebhookStore for Sqlite {
    fn news(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.writer.committed().await;
            // As long as nobody wants to be told of any job, nothing is read for it.
            while !self.watched.load(Ordering::Relaxed) {
                self.writer.committed().await;
            }
        })
    }

    fn next_delivery(&self, busy: Busy) -> BoxFuture<'_, Result<Option<Due>, Failure>> {
        Box::pin(async move {
            let (ids, receivers) = (to_json(&busy.ids)?, to_json(&busy.receivers)?);
            self.read(move |connection| {
                let mut statement = connection.prepare_cached(NEXT)?;
                statement.query_map(params![ids, receivers], due)?.next().transpose()
            })
            .await
        })
    }

    fn attempted<'a>(
        &'a self,
        id: &'a str,
        attempt: &'a Attempt,
        verdict: Verdict,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (id, attempt) = (id.to_owned(), to_json(attempt)?);
            self.writer
                .change_together(move |connection| {
                    if verdict == Verdict::Gone {
                        // Before the attempt is written down, with which the webhook may go.
                        connection.prepare_cached(LEAVE)?.execute([&id])?;
                        connection.prepare_cached(GIVE_UP)?.execute([&id])?;
                    }
                    let (state, next_at, body) = match verdict {
                        Verdict::Delivered => ("delivered", None, None),
                        Verdict::Retry { at, body } => ("waiting", Some(at.as_microsecond()), body),
                        Verdict::GivenUp | Verdict::Gone => ("given-up", None, None),
                    };
                    let values = named_params! {
                        ":id": id, ":attempt": attempt, ":state": state, ":next_at": next_at, ":body": body,
                    };
                    connection.prepare_cached(ATTEMPTED)?.execute(values).map(drop)
                })
                .await
        })
    }

    fn deliveries(&self, job: JobId) -> BoxFuture<'_, Result<Vec<Delivery>, Failure>> {
        Box::pin(self.read(move |connection| {
            let mut statement = connection.prepare_cached(OF_JOB)?;
            statement.query_map([job.to_string()], delivery)?.collect()
        }))
    }
}

fn due(row: &Row<'_>) -> rusqlite::Result<Due> {
    Ok(Due {
        id: row.get("id")?,
        job: row.get::<_, Word<_>>("job")?.0,
        event: row.get::<_, Json<_>>("event")?.0,
        to: row.get("receiver")?,
        created_at: row.get::<_, Micros>("created_at")?.0,
        next_at: row.get::<_, Micros>("next_at")?.0,
        attempts: row.get("attempts")?,
        sealed: row.get("sealed")?,
        slice: row.get::<_, Option<Json<_>>>("slice")?.map(|json| json.0),
        body: row.get("body")?,
    })
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get("id")?,
        job: row.get::<_, Word<_>>("job")?.0,
        event: row.get::<_, Json<_>>("event")?.0,
        to: row.get("receiver")?,
        created_at: row.get::<_, Micros>("created_at")?.0,
        state: row.get::<_, Json<_>>("state")?.0,
        next_at: row.get::<_, Option<Micros>>("next_at")?.map(|at| at.0),
        attempts: row.get::<_, Json<_>>("attempts")?.0,
    })
}

const KEEP: &str = "INSERT INTO webhooks (job, task, receiver, events, sealed) VALUES (?, ?, ?, ?, ?)";
/// Who is not told of the end is told what was written until then.
const TELL: &str = "
    INSERT INTO deliveries (id, webhook, job, receiver, event, created_at, next_at, slice)
    SELECT lower(hex(randomblob(16))), id, job, receiver, iif(is_heard, :event, 'task-output'), :at, :at, :slice
    FROM (SELECT *, instr(events, ',' || :event || ',') AS is_heard FROM webhooks WHERE task = :task)
    WHERE is_heard OR (:wrote AND instr(events, ',task-output,')) ORDER BY id";
/// A task may write for months: of what it wrote, each webhook's last hundred deliveries are enough to see what happened.
const FORGET: &str = "
    DELETE FROM deliveries WHERE next_at IS NULL AND rowid IN (
        SELECT rowid FROM (
            SELECT deliveries.rowid, row_number() OVER (PARTITION BY webhook ORDER BY deliveries.rowid DESC) AS place
            FROM webhooks JOIN deliveries ON deliveries.webhook = webhooks.id AND event = 'task-output'
            WHERE webhooks.task = ?
        ) WHERE place > 100)";
const NEXT: &str = "
    SELECT deliveries.id, deliveries.job, json_quote(event) AS event, deliveries.receiver, created_at, next_at,
        json_array_length(attempts) AS attempts, sealed, slice, body
    FROM deliveries JOIN webhooks ON webhooks.id = deliveries.webhook
    WHERE next_at IS NOT NULL AND deliveries.id NOT IN (SELECT value FROM json_each(?1))
        AND deliveries.receiver NOT IN (SELECT value FROM json_each(?2))
    ORDER BY next_at LIMIT 1";
const LEAVE: &str = "
    UPDATE webhooks SET events = ',' WHERE id = (SELECT webhook FROM deliveries WHERE id = ?)";
const GIVE_UP: &str = "
    UPDATE deliveries SET state = 'given-up', next_at = NULL, body = NULL, slice = NULL
    WHERE webhook = (SELECT webhook FROM deliveries WHERE id = ?) AND next_at IS NOT NULL";
const ATTEMPTED: &str = "
    UPDATE deliveries SET attempts = json_insert(attempts, '$[#]', json(:attempt)), state = :state, next_at = :next_at,
        body = :body, slice = iif(:next_at IS NULL, NULL, slice)
    WHERE id = :id";
const OF_JOB: &str = "
    SELECT id, job, json_quote(event) AS event, receiver, created_at, json_quote(state) AS state, next_at, attempts
    FROM deliveries WHERE job = ? ORDER BY rowid";
