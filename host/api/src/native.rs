//! The native API, under `/v1`. Errors are `application/problem+json` (RFC 9457).

mod host_keys;
mod job;
mod letter;
mod plugins;
mod problem;
mod webhooks;

use crate::guard::guarded;
use crate::{Api, error::Error, key, query};
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::routing::{get, post};
use axum::{Json, Router};
use hostler_model::{ErrorKind, Failure, JobId, Phase};
pub use letter::NativeLetter;
use problem::Problem;
pub(crate) use problem::answer;
use serde_json::{Value, json};
use std::time::Duration;

/// The longest time a client may wait for a job in one request, in seconds.
const LONGEST_WAIT: u64 = 60;

/// The most decisions in one answer.
const MOST_DECISIONS: usize = 1000;

pub(crate) fn router(api: &Api) -> Router {
    let router = Router::new()
        .route("/plugins", get(plugins::list))
        .route("/plugins/{name}", get(plugins::get).put(plugins::install).delete(plugins::remove))
        .route("/plugins/{name}/load", post(plugins::load))
        .route("/plugins/{name}/rollback", post(plugins::roll_back))
        .route("/jobs/{id}", get(job))
        .route("/audit", get(audit))
        .route("/webhooks/deliveries", get(webhooks::deliveries))
        .route("/host-keys", get(host_keys::list).post(host_keys::add).delete(host_keys::remove))
        .fallback(async || Problem::from(Error::NoPath))
        .method_not_allowed_fallback(async || Problem::from(Error::NoMethod));
    guarded(router, api, answer)
}

/// One job; with `?wait=SECONDS` once it has ended, or as it is after that time.
async fn job(State(api): State<Api>, Path(id): Path<String>, uri: Uri) -> Result<Json<Value>, Problem> {
    let wait = parameters(&uri, &["wait"])?.pop().map(|(_, seconds)| patience(&seconds)).transpose()?;
    let none = || {
        let message = "There is no job of this name; ask with the id that the submission answered.";
        Problem::from(Failure::new(ErrorKind::NotFound, Phase::Store, message))
    };
    let id: JobId = id.parse().map_err(|_| none())?;
    let job = match wait {
        None => api.backend.get(id).await,
        Some(patience) => tokio::select! {
            job = api.backend.wait(id, patience) => job,
            // A client that waits must not hold up the shutdown.
            () = api.closing.cancelled() => api.backend.get(id).await,
        },
    };
    let job = job.map_err(|failure| Problem::from(failure).about(id))?;
    Ok(Json(job::view(&job.ok_or_else(|| none().about(id))?)))
}

/// Decisions of grants and policies, newest first; with `?job=ID` those about one job, `?limit=N` at most so many.
async fn audit(State(api): State<Api>, uri: Uri) -> Result<Json<Value>, Problem> {
    let (mut job, mut limit) = (None, MOST_DECISIONS);
    for (name, value) in parameters(&uri, &["job", "limit"])? {
        if name == "job" {
            job = Some(value.parse().map_err(|_| invalid("`job` is the id of a job.".into()))?);
        } else {
            let wanted = value.parse().ok().filter(|wanted| (1..=MOST_DECISIONS).contains(wanted));
            limit = wanted.ok_or_else(|| invalid(format!("`limit` is a whole number from 1 to {MOST_DECISIONS}.")))?;
        }
    }
    Ok(Json(json!({"audit": api.backend.decisions(job, limit).await?})))
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
