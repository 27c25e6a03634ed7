//! `/jobs`. A list has the newest only; the dialect has no pages, and no place to say so.

use super::job::JobView;
use super::refused::Refused;
use crate::dialect::enveloped::wanted;
use crate::dialect::listed;
use crate::guard::{Canceler, Reader};
use crate::{Api, download};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use hostler_jobs::{Cancelled, Filter, to_its_end};
use hostler_model::JobId;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// Clients ask again and again, and each time wait longer before they do. Who asks about a job that is younger than this
/// hears of its end with it, and need not ask again.
const YOUNG: Duration = Duration::from_secs(2);

pub(super) async fn list(
    Reader(caller): Reader,
    State(api): State<Api>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refused> {
    let Some(filter) = wanted::read(&uri)?.filter() else { return Ok(Json(json!([])).into_response()) };
    let filter = Filter { caller: caller.reach(), ..filter };
    let (jobs, _) = listed::newest(&api, filter).await?;
    let base = download::base(&api.config, &headers);
    Ok(Json(jobs.iter().map(|job| JobView::new(job, &base)).collect::<Vec<_>>()).into_response())
}

pub(super) async fn get(
    Reader(caller): Reader,
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let none = || Refused::Missing(format!("Job {id} not found"));
    let id = id.parse().map_err(|_| none())?;
    let left = YOUNG.saturating_sub(age(id));
    let waits = !left.is_zero() && api.is_open(id, &caller);
    let job = if waits { api.wait(id, left).await? } else { api.backend.get(id).await? };
    let job = job.filter(|job| caller.reaches(&job.caller)).ok_or_else(none)?;
    Ok(Json(JobView::new(&job, &download::base(&api.config, &headers))).into_response())
}

/// Nothing if the clock was set back.
fn age(id: JobId) -> Duration {
    Timestamp::now().duration_since(id.made_at()).try_into().unwrap_or_default()
}

/// Cancels a job, also one that runs.
pub(super) async fn cancel(
    Canceler(caller): Canceler,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    let none = || Refused::Missing(format!("Job {id} not found or not in queued state"));
    let filter = Filter { id: Some(id.parse().map_err(|_| none())?), ..Filter::default() };
    let cancelled = to_its_end(async move { api.backend.cancel(filter, &caller).await }).await?;
    if cancelled == Cancelled::default() { Err(none()) } else { Ok(Json(json!({"id": id}))) }
}

/// Cancels those that a filter means. Without one it cancels nothing.
pub(super) async fn cancel_many(
    Canceler(caller): Canceler,
    State(api): State<Api>,
    uri: Uri,
) -> Result<Json<Vec<JobId>>, Refused> {
    let wanted = wanted::read(&uri)?;
    let filter = if wanted.is_everything() { None } else { wanted.filter() };
    let Some(filter) = filter else { return Ok(Json(Vec::new())) };
    let cancelled = to_its_end(async move { api.backend.cancel(filter, &caller).await }).await?;
    Ok(Json([cancelled.ended, cancelled.asked].concat()))
}
