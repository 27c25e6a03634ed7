//! The table of detached tasks.

use super::Sqlite;
use super::row::{Json, Word, json};
use super::webhooks;
use crate::kept::Kept;
use crate::store::tasks::is_open;
use crate::store::{KeptTask, Sight, TaskStore};
use futures::future::BoxFuture;
use hostler_model::{Failure, Task, TaskId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

/// Keeps a task, unless there is one of its name; answers how many were kept.
pub(super) fn insert(connection: &Connection, kept: &KeptTask) -> rusqlite::Result<usize> {
    let KeptTask { task, elevated, sealed_for, sealed, telling, .. } = kept;
    let Task { id, caller, state, created_at, ended_at, .. } = task;
    let values = named_params! {
        ":id": id.as_str(), ":caller": caller, ":is_open": is_open(*state), ":created_at": created_at.as_microsecond(),
        ":ended_at": ended_at.map(Timestamp::as_microsecond), ":task": json(task)?,
        ":elevated": elevated.as_ref().map(json).transpose()?, ":sealed_for": sealed_for.to_string(),
        ":sealed": sealed.as_ref().map(|sealed| &sealed.0), ":telling": telling.as_ref().map(json).transpose()?,
    };
    connection.prepare_cached(INSERT)?.execute(values)
}

impl TaskStore for Sqlite {
    fn insert_task(&self, kept: KeptTask) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(self.change_one(move |connection| insert(connection, &kept)))
    }

    fn task<'a>(&'a self, id: &'a TaskId) -> BoxFuture<'a, Result<Option<KeptTask>, Failure>> {
        let id = id.clone();
        Box::pin(self.read(move |connection| one(connection, &id)))
    }

    fn tasks(&self, caller: Option<String>) -> BoxFuture<'_, Result<Vec<Task>, Failure>> {
        Box::pin(self.read(move |connection| {
            let mut statement = connection.prepare_cached(LIST)?;
            statement.query_map([caller], |row| Ok(row.get::<_, Json<_>>("task")?.0))?.collect()
        }))
    }

    fn open_tasks(&self) -> BoxFuture<'_, Result<Vec<KeptTask>, Failure>> {
        Box::pin(self.read(|connection| connection.prepare_cached(OPEN)?.query_map([], kept)?.collect()))
    }

    fn saw_task<'a>(&'a self, id: &'a TaskId, sight: Sight) -> BoxFuture<'a, Result<Option<Task>, Failure>> {
        let id = id.clone();
        Box::pin(self.writer.change_together(move |connection| {
            let Some(mut kept) = one(connection, &id)? else { return Ok(None) };
            let at = sight.at.as_microsecond();
            if let Some((event, slice)) = sight.apply(&mut kept) {
                webhooks::tell(connection, event, &slice, at)?;
            }
            let elevated = kept.elevated.as_ref().map(json).transpose()?;
            let (task, telling) = (json(&kept.task)?, kept.telling.as_ref().map(json).transpose()?);
            let ended_at = kept.task.ended_at.map(Timestamp::as_microsecond);
            let values = params![id.as_str(), is_open(kept.task.state), ended_at, task, elevated, telling];
            connection.prepare_cached(SAW)?.execute(values)?;
            Ok(Some(kept.task))
        }))
    }

    fn forget_tasks(&self, caller: Option<String>) -> BoxFuture<'_, Result<u64, Failure>> {
        Box::pin(self.writer.change(move |connection| {
            let forgotten = connection.prepare_cached(FORGET)?.execute([caller])?;
            Ok(forgotten as u64)
        }))
    }

    fn expire_tasks(&self, shut: Timestamp, forget: Timestamp) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            for (statement, before) in [(SHUT, shut), (EXPIRE, forget)] {
                let before = before.as_microsecond();
                self.writer
                    .change(move |connection| connection.prepare_cached(statement)?.execute([before]).map(drop))
                    .await?;
            }
            Ok(())
        })
    }
}

fn one(connection: &Connection, id: &TaskId) -> rusqlite::Result<Option<KeptTask>> {
    connection.prepare_cached(ONE)?.query_row([id.as_str()], kept).optional()
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptTask> {
    Ok(KeptTask {
        task: row.get::<_, Json<_>>("task")?.0,
        elevated: row.get::<_, Option<Json<_>>>("elevated")?.map(|json| json.0),
        sealed_for: row.get::<_, Word<_>>("sealed_for")?.0,
        sealed: row.get::<_, Option<Vec<u8>>>("sealed")?.map(Kept),
        telling: row.get::<_, Option<Json<_>>>("telling")?.map(|json| json.0),
        unheard: row.get("unheard")?,
    })
}

const INSERT: &str = "
    INSERT INTO tasks (id, caller, is_open, created_at, ended_at, task, elevated, sealed_for, sealed, telling)
    VALUES (:id, :caller, :is_open, :created_at, :ended_at, :task, :elevated, :sealed_for, :sealed, :telling)
    ON CONFLICT DO NOTHING";
const ONE: &str = "
    SELECT task, elevated, sealed_for, sealed, telling, EXISTS (
        SELECT 1 FROM webhooks JOIN deliveries ON deliveries.webhook = webhooks.id
        WHERE webhooks.task = tasks.id AND slice IS NOT NULL
    ) AS unheard FROM tasks WHERE id = ?";
const OPEN: &str = "
    SELECT task, elevated, sealed_for, sealed, telling, EXISTS (
        SELECT 1 FROM webhooks JOIN deliveries ON deliveries.webhook = webhooks.id
        WHERE webhooks.task = tasks.id AND slice IS NOT NULL
    ) AS unheard FROM tasks WHERE is_open OR telling IS NOT NULL";
const LIST: &str =
    "SELECT task FROM tasks WHERE ?1 IS NULL OR caller = ?1 ORDER BY created_at DESC, id DESC LIMIT 10000";
const SAW: &str = "
    UPDATE tasks SET is_open = ?2, ended_at = ?3, task = ?4, elevated = ?5, telling = ?6 WHERE id = ?1";
const FORGET: &str = "DELETE FROM tasks WHERE ?1 IS NULL OR caller = ?1";
const SHUT: &str = "UPDATE tasks SET sealed = NULL WHERE ended_at < ? AND sealed IS NOT NULL";
const EXPIRE: &str = "DELETE FROM tasks WHERE ended_at < ?";
