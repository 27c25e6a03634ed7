//! `/detached-tasks`.

use super::order::Order;
use super::refused::Refused;
use super::task::{TaskView, found, slice};
use crate::dialect::fault::Fault;
use crate::dialect::{fields, whole};
use crate::guard::{Canceler, Reader, Submitter};
use crate::{Api, body, key, query};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use hostler_jobs::to_its_end;
use hostler_model::{Caller, TaskId, TaskState};
use serde_json::{Value, json};

const STATES: [(&str, TaskState); 5] = [
    ("launching", TaskState::Launching),
    ("running", TaskState::Running),
    ("completed", TaskState::Completed),
    ("killed", TaskState::Killed),
    ("lost", TaskState::Lost),
];

pub(super) async fn list(Reader(caller): Reader, State(api): State<Api>, uri: Uri) -> Result<Response, Refused> {
    let state = parameter(&uri, "status")?.map(|word| state(&word)).transpose()?;
    let mut tasks = api.backend.tasks(&caller).await?;
    tasks.retain(|task| state.is_none_or(|state| task.state == state));
    Ok(Json(tasks.iter().map(TaskView::from).collect::<Vec<_>>()).into_response())
}

/// Tells what a task has written since `offset`, or since this was asked without one.
pub(super) async fn read(
    Reader(caller): Reader,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Refused> {
    let offset = parameter(&uri, "offset")?.map(Value::String);
    let offset = offset.map(|offset| whole::read(&["query", "offset"], offset, &(0..=u64::MAX))).transpose()?;
    let none = || Refused::Missing(format!("Detached Task {id} not found in registry"));
    let task = TaskId::read(&id).ok_or_else(none)?;
    let read = api.backend.read_task(&task, offset, &caller).await?.ok_or_else(none)?;
    Ok(Json(slice(&read)))
}

/// Stops a task; answers when its processes are gone.
pub(super) async fn kill(
    Canceler(caller): Canceler,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    let none = || Refused::Missing(format!("Detached task {id} not found or already stopped"));
    let task = TaskId::read(&id).ok_or_else(none)?;
    let killed = to_its_end(async move { api.backend.kill_task(&task, &caller).await }).await?;
    killed.map(|task| Json(json!({"status": "killed", "task_id": task.id}))).ok_or_else(none)
}

/// Forgets all tasks; they go on.
pub(super) async fn forget(Canceler(caller): Canceler, State(api): State<Api>) -> Result<Json<Value>, Refused> {
    let count = to_its_end(async move { api.backend.forget_tasks(&caller).await }).await?;
    Ok(Json(json!({"status": "cleared", "count": count})))
}

/// Looks for tasks on a target, and knows them from then on.
pub(super) async fn discover(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refused> {
    let body = body::read(body, &api.config).await?;
    let fields = fields::read(&body, headers.get(header::CONTENT_TYPE))?;
    drop(body);
    let request = Order::read_target(fields, api.backend.as_ref())?.into_request();
    let caller = Caller::clone(&caller);
    let tasks = to_its_end(async move { api.backend.discover_tasks(request, caller).await }).await?;
    let tasks: Vec<_> = tasks.iter().map(found).collect();
    Ok(Json(json!({"discovered": tasks.len(), "synced_off": 0, "tasks": tasks})))
}

/// The one query parameter that a route knows. Without a value it is as if absent.
fn parameter(uri: &Uri, known: &str) -> Result<Option<String>, Fault> {
    let mut found = None;
    for (name, value) in query::pairs(uri).into_iter().filter(|(name, _)| name != key::NAME) {
        if name != known {
            return Err(Fault::unknown(["query", &name]));
        }
        found = Some(value).filter(|value| !value.is_empty());
    }
    Ok(found)
}

fn state(word: &str) -> Result<TaskState, Fault> {
    let state = STATES.iter().find(|(name, _)| *name == word).map(|(_, state)| *state);
    let words = STATES.map(|(name, _)| name);
    state.ok_or_else(|| Fault::no_such_word(["query", "status"], &words, "enum").showing(word.into()))
}
