//! What dialects 0.2 and 0.3 have literally alike: answers lie in an envelope, jobs and workers are shown and asked for in
//! the same words, and wrong requests are told in the same ones.
//!
//! What differs on purpose: an echoed `input` is never a text that may be a secret; an unknown query parameter is
//! refused; `DELETE` without a filter cancels nothing; a job carries `host` and `warnings`, and its error kind and phase.

pub(super) mod bulk;
pub(super) mod devices;
mod job;
pub(super) mod options;
pub(super) mod order;
pub(super) mod refused;
pub(super) mod submission;
pub(super) mod wanted;
pub(super) mod workers;

pub(super) use job::{JobView, Retval};

use super::listed;
use super::template::{self, Refusal};
use crate::guard::{Canceler, Reader};
use crate::{Api, error::Error};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hostler_jobs::{Filter, to_its_end};
use hostler_model::JobId;
use refused::Refused;
use serde::Serialize;
use serde_json::Value;

/// What every success is wrapped in.
#[derive(Serialize)]
pub(super) struct Envelope<T> {
    /// 200, whatever the status code is, but for the 201 of a submission in 0.3.
    pub(super) code: u16,
    pub(super) message: String,
    pub(super) data: T,
}

impl<T> Envelope<T> {
    pub(super) fn new(data: T) -> Self {
        Self { code: 200, message: "success".into(), data }
    }
}

pub(super) fn success<T: Serialize>(data: T) -> Json<Envelope<T>> {
    Json(Envelope::new(data))
}

/// The routes that are the same in both.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/job", get(jobs).delete(cancel))
        .route("/worker", get(workers::list).delete(workers::delete))
        .route("/health", get(health))
}

/// Those of templates. Without a prefix they are of dialect 0.4.
pub(super) fn template_routes() -> Router<Api> {
    template::routes(templated)
}

/// No other method than those of the routes is known.
pub(super) fn without_other_methods(routes: Router<Api>) -> Router<Api> {
    routes.method_not_allowed_fallback(async || refused::answer(Error::NoMethod))
}

/// Nor is any other path.
pub(super) fn closed(routes: Router<Api>) -> Router<Api> {
    without_other_methods(routes).fallback(async || refused::answer(Error::NoPath))
}

async fn jobs(Reader(caller): Reader, State(api): State<Api>, uri: Uri) -> Result<Response, Refused> {
    let Some(filter) = wanted::read(&uri)?.filter() else { return Ok(success::<[JobView; 0]>([]).into_response()) };
    let filter = Filter { caller: caller.reach(), ..filter };
    let (jobs, cut) = listed::newest(&api, filter).await?;
    let mut reply = Envelope::new(jobs.iter().map(JobView::from).collect::<Vec<_>>());
    if cut {
        reply.message = format!("success, but only the newest {} jobs are listed; use a filter", jobs.len());
    }
    Ok(Json(reply).into_response())
}

async fn cancel(
    Canceler(caller): Canceler,
    State(api): State<Api>,
    uri: Uri,
) -> Result<Json<Envelope<Vec<JobId>>>, Refused> {
    let wanted = wanted::read(&uri)?;
    let filter = if wanted.is_everything() { None } else { wanted.filter() };
    let Some(filter) = filter else { return Ok(success(Vec::new())) };
    let cancelled = to_its_end(async move { api.backend.cancel(filter, &caller).await }).await?;
    Ok(success([cancelled.ended, cancelled.asked].concat()))
}

/// What came of a template.
fn templated(answer: Result<Value, Refusal>) -> Response {
    match answer {
        Ok(data) => success(data).into_response(),
        Err(Refusal::Misfit(faults)) => Refused::from(faults).into_response(),
        Err(Refusal::Wrong(message)) => refused::value_error(StatusCode::BAD_REQUEST, message),
        Err(Refusal::Missing(message)) => refused::value_error(StatusCode::NOT_FOUND, message),
        Err(Refusal::Error(error)) => refused::answer(error),
    }
}

async fn health() -> Json<Envelope<&'static str>> {
    success("ok")
}
