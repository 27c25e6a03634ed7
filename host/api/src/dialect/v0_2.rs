//! Dialect 0.2: what `NetPulse` 0.2.0 spoke, with true answers.
//!
//! What differs on purpose: an echoed `input` is never a text that may be a secret; an unknown query parameter is
//! refused; `DELETE /job` without a filter cancels nothing; a job carries `warnings`, and its error kind and phase.

mod job;
mod options;
mod refused;
mod request;
mod wanted;

use crate::guard::{Canceler, Reader, Submitter, guarded};
use crate::{Api, body, trace};
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hostler_jobs::{Filter, Page, Submission, Submitted, to_its_end};
use hostler_model::{Caller, JobId};
use job::JobView;
use refused::Refused;
use serde::Serialize;

/// How many jobs one answer lists; the dialect has no pages.
const LIST_LIMIT: usize = 1000;

pub(crate) fn router(api: &Api) -> Router {
    let router = Router::new()
        .route("/device/execute", post(execute))
        .route("/job", get(jobs).delete(cancel))
        .route("/health", get(health))
        .fallback(async || refused::answer(crate::error::Error::NoPath))
        .method_not_allowed_fallback(async || refused::answer(crate::error::Error::NoMethod));
    guarded(router, api, refused::answer)
}

/// What every success is wrapped in. `code` is 200 whatever the status code is.
#[derive(Serialize)]
struct Envelope<T> {
    code: u16,
    message: String,
    data: T,
}

fn success<T: Serialize>(data: T) -> Json<Envelope<T>> {
    Json(Envelope { code: 200, message: "success".into(), data })
}

async fn execute(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: header::HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body = body::read(body, &api.config).await?;
    let request = request::read(&body, headers.get(header::CONTENT_TYPE), api.backend.as_ref())?;
    drop(body);
    let submission = Submission { trace: trace::read(&headers), ..Submission::new(request, Caller::clone(&caller)) };
    let Submitted { job, .. } = to_its_end(async move { api.backend.submit(submission).await }).await?;
    Ok((StatusCode::CREATED, success(JobView::from(&job))).into_response())
}

async fn jobs(Reader(caller): Reader, State(api): State<Api>, uri: Uri) -> Result<Response, Refused> {
    let Some(filter) = wanted::read(&uri)?.filter() else { return Ok(success::<[JobView; 0]>([]).into_response()) };
    let filter = Filter { caller: caller.reach(), ..filter };
    let mut jobs = api.backend.list(filter, Page::first(LIST_LIMIT + 1)).await?;
    let cut = jobs.len() > LIST_LIMIT;
    jobs.truncate(LIST_LIMIT);
    let Json(mut reply) = success(jobs.iter().map(JobView::from).collect::<Vec<_>>());
    if cut {
        reply.message = format!("success, but only the newest {LIST_LIMIT} jobs are listed; use a filter");
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

async fn health() -> Json<Envelope<&'static str>> {
    success("ok")
}
