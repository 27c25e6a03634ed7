//! The native API, under `/v1`. Errors are `application/problem+json` (RFC 9457).

mod audit;
mod batch;
mod batches;
mod children;
mod entry;
mod events;
mod fields;
mod files;
mod host_keys;
mod job;
mod jobs;
mod keys;
mod letter;
mod output;
mod plugins;
mod problem;
mod request;
mod result;
mod wanted;
mod webhooks;

use crate::guard::guarded;
use crate::{Api, error::Error, key, query};
use axum::Router;
use axum::http::Uri;
use hostler_model::{ErrorKind, Failure, Phase};
pub(crate) use letter::{letter, letter_of_task};
use problem::Problem;
pub(crate) use problem::answer;
pub use request::read_request;
use std::time::Duration;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest time a client may wait for a job in one request, in seconds.
const LONGEST_WAIT: u64 = 60;

/// All routes, and their description.
pub(crate) fn router(api: &Api) -> (Router, OpenApi) {
    let (router, description) = OpenApiRouter::new()
        .routes(routes!(jobs::submit))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::cancel))
        .routes(routes!(events::follow))
        .routes(routes!(output::read))
        .routes(routes!(batches::submit))
        .routes(routes!(batches::get))
        .routes(routes!(batches::cancel))
        .routes(routes!(batches::retry))
        .routes(routes!(files::stage))
        .routes(routes!(files::fetch, files::remove))
        .routes(routes!(plugins::list))
        .routes(routes!(plugins::get, plugins::install, plugins::remove))
        .routes(routes!(plugins::load))
        .routes(routes!(plugins::roll_back))
        .routes(routes!(host_keys::list, host_keys::add, host_keys::remove))
        .routes(routes!(keys::list, keys::make))
        .routes(routes!(keys::revoke))
        .routes(routes!(audit::list))
        .routes(routes!(webhooks::deliveries))
        .split_for_parts();
    let router = router
        .fallback(async || Problem::from(Error::NoPath))
        .method_not_allowed_fallback(async || Problem::from(Error::NoMethod));
    (guarded(router, api, answer), description)
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
