//! The query of `GET /v1/jobs`.

use super::problem::Problem;
use super::{invalid, parameters};
use axum::http::Uri;
use hostler_jobs::{Filter, Page, State};
use jiff::Timestamp;
use utoipa::IntoParams;

/// How many jobs a page has unless the client says, and at most.
const USUAL: usize = 100;
const MOST: usize = 1000;

/// Which jobs are meant, for the document; [`read`] reads them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads it")]
pub(super) struct Wanted {
    /// Those in this state; given several times, in one of these.
    state: Option<Vec<State>>,
    /// Those for this target host, spelled as in the request.
    host: Option<String>,
    /// Those for this driver.
    driver: Option<String>,
    /// Those that this key submitted.
    caller: Option<String>,
    /// Those of this batch.
    #[param(value_type = Option<Uuid>)]
    batch: Option<String>,
    /// Those created at this time or later (RFC 3339).
    created_after: Option<Timestamp>,
    /// Those created before this time (RFC 3339).
    created_before: Option<Timestamp>,
    /// How many jobs a page has at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

const NAMES: [&str; 9] =
    ["state", "host", "driver", "caller", "batch", "created_after", "created_before", "limit", "cursor"];

/// Reads a query: which jobs, and which part of the list of them.
pub(super) fn read(uri: &Uri) -> Result<(Filter, Page), Problem> {
    let mut filter = Filter::default();
    let mut page = Page { before: None, limit: USUAL, with_results: false };
    for (name, value) in parameters(uri, &NAMES)? {
        match name.as_str() {
            "state" => filter
                .states
                .extend([known::<State>(&value, "`state` is queued, started, finished, failed or canceled.")?]),
            "host" => filter.host = Some(value),
            "driver" => filter.driver = Some(value),
            "caller" => filter.caller = Some(value),
            "batch" => filter.batch = Some(known(&value, "`batch` is the id of a batch.")?),
            "created_after" => filter.created_after = Some(time(&name, &value)?),
            "created_before" => filter.created_before = Some(time(&name, &value)?),
            "cursor" => page.before = Some(known(&value, "`cursor` is what the page before has as `next`.")?),
            _ => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                page.limit = limit.ok_or_else(|| invalid(format!("`limit` is a whole number from 1 to {MOST}.")))?;
            }
        }
    }
    Ok((filter, page))
}

fn known<T: std::str::FromStr>(value: &str, message: &str) -> Result<T, Problem> {
    value.parse().map_err(|_| invalid(message.into()))
}

fn time(name: &str, value: &str) -> Result<Timestamp, Problem> {
    known(value, &format!("`{name}` is a time such as 2026-11-22T14:34:56Z."))
}
