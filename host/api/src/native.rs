//! The native API, under `/v1`. Errors are `application/problem+json` (RFC 9457).

mod audit;
mod events;
mod host_keys;
mod job;
mod keys;
mod output;
mod plugins;
mod problem;

use crate::guard::{Reader, guarded};
use crate::{Api, error::Error, key, query};
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use hostler_jobs::Job;
use hostler_model::{Caller, ErrorKind, Failure, JobId, Phase};
use problem::Problem;
use serde_json::Value;
use std::time::Duration;

/// The longest time a client may wait for a job in one request, in seconds.
const LONGEST_WAIT: u64 = 60;

pub(crate) fn router(api: &Api) -> Router {
    let router = Router::new()
        .route("/plugins", get(plugins::list))
        .route("/plugins/{name}", get(plugins::get).put(plugins::install).delete(plugins::remove))
        .route("/plugins/{name}/load", post(plugins::load))
        .route("/plugins/{name}/rollback", post(plugins::roll_back))
        .route("/jobs/{id}", get(job))
        .route("/jobs/{id}/events", get(events::follow))
        .route("/jobs/{id}/output", get(output::read))
        .route("/audit", get(audit::list))
        .route("/keys", get(keys::list).post(keys::make))
        .route("/keys/{name}", delete(keys::revoke))
        .route("/host-keys", get(host_keys::list).post(host_keys::add).delete(host_keys::remove))
        .fallback(async || Problem::from(Error::NoPath))
        .method_not_allowed_fallback(async || Problem::from(Error::NoMethod));
    guarded(router, api, problem::answer)
}

/// One job; with `?wait=SECONDS` once it has ended, or as it is after that time.
async fn job(
    Reader(caller): Reader,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let wait = parameters(&uri, &["wait"])?.pop().map(|(_, seconds)| patience(&seconds)).transpose()?;
    let id: JobId = id.parse().map_err(|_| no_job())?;
    // Whoever may not see a job does not learn that it exists, nor when it ends.
    let seen = |job: Option<Job>| job.filter(|job| caller.reaches(&job.caller));
    let may_wait = wait.is_some() && (caller.reach().is_none() || seen(api.backend.get(id).await?).is_some());
    let wait = wait.filter(|_| may_wait);
    let job = match wait {
        None => api.backend.get(id).await,
        Some(patience) => tokio::select! {
            job = api.backend.wait(id, patience) => job,
            // A client that waits must not hold up the shutdown.
            () = api.closing.cancelled() => api.backend.get(id).await,
        },
    };
    let job = job.map_err(|failure| Problem::from(failure).about(id))?;
    Ok(Json(job::view(&seen(job).ok_or_else(|| no_job().about(id))?)))
}

/// The job of this name, as it is now, if the caller may see it.
async fn existing(api: &Api, caller: &Caller, id: &str) -> Result<Job, Problem> {
    let id: JobId = id.parse().map_err(|_| no_job())?;
    let job = api.backend.get(id).await.map_err(|failure| Problem::from(failure).about(id))?;
    job.filter(|job| caller.reaches(&job.caller)).ok_or_else(|| no_job().about(id))
}

fn no_job() -> Problem {
    let message = "There is no job of this name; ask with the id that the submission answered.";
    Failure::new(ErrorKind::NotFound, Phase::Store, message).into()
}

/// The parameters of a query but for the API key; only those known are allowed.
fn parameters(uri: &Uri, known: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let mut pairs = query::pairs(uri);
    pairs.retain(|(name, _)| name != key::NAME);
    match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(invalid(format!("The query parameter `{name}` is not known here; leave it out."))),
        None => Ok(pairs),
    }
}

fn patience(seconds: &str) -> Result<Duration, Problem> {
    let seconds = seconds.parse().ok().filter(|seconds| *seconds <= LONGEST_WAIT);
    let message = || invalid(format!("`wait` is a whole number of seconds, at most {LONGEST_WAIT}."));
    seconds.map(Duration::from_secs).ok_or_else(message)
}

fn invalid(message: String) -> Problem {
    Failure::new(ErrorKind::InvalidRequest, Phase::Validate, message).into()
}
