//! `/workers`.

use super::refused::Refused;
use crate::Api;
use crate::dialect::enveloped::workers::Wanted;
use crate::dialect::worker::{self, Worker};
use crate::guard::{Canceler, Reader};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde_json::{Value, json};

pub(super) async fn list(
    Reader(caller): Reader,
    State(api): State<Api>,
    uri: Uri,
) -> Result<Json<Vec<Worker>>, Refused> {
    let wanted = Wanted::read(&uri)?;
    let workers = worker::list(&api, &caller).await?;
    Ok(Json(workers.into_iter().filter(|worker| wanted.means(worker)).collect()))
}

/// Cancels what the worker of a host carries out and what waits for it.
pub(super) async fn delete(
    Canceler(caller): Canceler,
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refused> {
    let mut workers = worker::list(&api, &caller).await?;
    workers.retain(|worker| worker.name == name);
    if workers.is_empty() {
        return Err(Refused::Missing(format!("Worker {name} not found")));
    }
    worker::stop(&api, caller, workers, "DELETE /jobs").await?;
    Ok(Json(json!({"name": name})))
}

/// The same for all that a filter means. Without one it does nothing.
pub(super) async fn delete_many(
    Canceler(caller): Canceler,
    State(api): State<Api>,
    uri: Uri,
) -> Result<Json<Vec<String>>, Refused> {
    let wanted = Wanted::read(&uri)?;
    if wanted.is_everything() {
        return Ok(Json(Vec::new()));
    }
    let mut workers = worker::list(&api, &caller).await?;
    workers.retain(|worker| wanted.means(worker));
    Ok(Json(worker::stop(&api, caller, workers, "DELETE /jobs").await?))
}
