//! Dialect 0.4: what `NetPulse` 0.4.3 speaks, with true answers.
//!
//! What differs on purpose: an echoed `input` is never a text that may be a secret; an unknown query parameter is
//! refused; a field that is not known becomes a warning of the job; a job carries `host` and `warnings`; what a login that
//! failed left undone makes the job `failed`; a job that runs can be cancelled; a detached task is told in both shapes at
//! once, that of the server and that of its SDK. See README.md beside.

mod bulk;
mod exec;
mod item;
mod job;
mod jobs;
mod multipart;
mod options;
mod order;
mod refused;
mod stats;
mod storage;
mod task;
mod tasks;
mod test;
mod transfer;
mod workers;

pub(super) use bulk::submit as submit_bulk;
pub(super) use item::items;
pub(super) use refused::{Refused, answer};
pub(super) use task::item as task_item;

use crate::Api;
use crate::dialect::template::{self, Refusal};
use crate::dialect::unprefixed;
use crate::error::Error;
use crate::guard::guarded;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// All of it, for its prefix.
pub(crate) fn router(api: &Api) -> Router {
    let router = routes(post(bulk::bulk)).route("/health", get(health));
    guarded(closed(router), api, answer)
}

/// What of it stands without a prefix, beside what is of dialect 0.2 there. Both have many devices at one path.
pub(crate) fn unprefixed(api: &Api) -> Router {
    guarded(closed(routes(post(unprefixed::bulk))), api, answer)
}

fn routes(bulk: MethodRouter<Api>) -> Router<Api> {
    Router::new()
        .route("/device/exec", post(exec::exec))
        .route("/device/bulk", bulk)
        .route("/device/test", post(test::test))
        .route("/jobs", get(jobs::list).delete(jobs::cancel_many))
        .route("/jobs/{id}", get(jobs::get).delete(jobs::cancel))
        .route("/workers", get(workers::list).delete(workers::delete_many))
        .route("/workers/{name}", axum::routing::delete(workers::delete))
        .route("/storage/fetch/{*file_id}", get(storage::fetch))
        .route("/system/stats", get(stats::stats))
        .merge(template::routes(templated))
        .route("/detached-tasks", get(tasks::list).delete(tasks::forget))
        .route("/detached-tasks/discover", post(tasks::discover))
        .route("/detached-tasks/{id}", get(tasks::read).delete(tasks::kill))
}

/// Everything else is an error in the words of this dialect.
fn closed(router: Router<Api>) -> Router<Api> {
    router.fallback(async || answer(Error::NoPath)).method_not_allowed_fallback(async || answer(Error::NoMethod))
}

/// What came of a template: a text, or a list of rows.
fn templated(answer: Result<Value, Refusal>) -> Response {
    match answer {
        Ok(data) => Json(data).into_response(),
        Err(Refusal::Misfit(faults)) => Refused::from(faults).into_response(),
        Err(Refusal::Wrong(detail)) => (StatusCode::BAD_REQUEST, Json(json!({"detail": detail}))).into_response(),
        Err(Refusal::Missing(detail)) => Refused::Missing(detail).into_response(),
        Err(Refusal::Error(error)) => self::answer(error),
    }
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}
