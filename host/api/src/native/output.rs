//! What a run of a job wrote, as bytes from an offset on.

use super::jobs::seen;
use super::problem::{Problem, Refusals};
use super::{invalid, parameters, patience};
use crate::Api;
use crate::guard::Reader;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use hostler_jobs::Slice;
use std::str::FromStr;
use std::time::Duration;

/// Reads what a run of a job wrote
///
/// The bytes from `offset` on, as many as fit; with `wait` once there are some. The header `Output-Offset` says where they
/// begin, `Output-Next` where to go on, `Output-Total` how many there are in all, once the run has ended.
#[utoipa::path(
    get, path = "/jobs/{id}/output", operation_id = "read_output", tag = "jobs",
    params(
        ("id" = Uuid, Path, description = "The job's name."),
        ("run" = Option<u32>, Query, description = "Which of its commands, from 0; 0 if it is absent."),
        ("stream" = Option<String>, Query, description = "`stdout`, `stderr` or `shell`; `stdout` if it is absent."),
        ("offset" = Option<u64>, Query, description = "How many bytes to leave out; 0 if it is absent."),
        ("wait" = Option<u64>, Query, description = "Seconds to wait for some, at most 60.", maximum = 60),
    ),
    responses((status = 200, description = "The bytes.", body = Vec<u8>, content_type = "application/octet-stream"), Refusals),
)]
pub(super) async fn read(
    Reader(caller): Reader,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let (mut run, mut stream, mut offset, mut wait) = (0, "stdout".to_owned(), 0, Duration::ZERO);
    for (name, value) in parameters(&uri, &["run", "stream", "offset", "wait"])? {
        match name.as_str() {
            "run" => run = number("run", &value)?,
            "offset" => offset = number("offset", &value)?,
            "wait" => wait = patience(&value)?,
            _ => stream = value,
        }
    }
    if !["stdout", "stderr", "shell"].contains(&stream.as_str()) {
        return Err(invalid("`stream` is stdout, stderr or shell.".into()));
    }
    let job = seen(&api, &caller, &id).await?;
    let id = job.id;
    let slice = tokio::select! {
        slice = api.backend.output(job.clone(), run, &stream, offset, wait) => slice,
        () = api.closing.cancelled() => api.backend.output(job, run, &stream, offset, Duration::ZERO).await,
    };
    Ok(answer(slice.map_err(|failure| Problem::from(failure).about(id))?))
}

fn answer(Slice { offset, bytes, total }: Slice) -> Response {
    let mut headers = HeaderMap::new();
    // Whatever it is, a browser is not to take it for a page.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("output-offset"), offset.into());
    headers.insert(HeaderName::from_static("output-next"), (offset + bytes.len() as u64).into());
    if let Some(total) = total {
        headers.insert(HeaderName::from_static("output-total"), total.into());
    }
    (headers, bytes).into_response()
}

fn number<N: FromStr>(name: &str, text: &str) -> Result<N, Problem> {
    text.parse().map_err(|_| invalid(format!("`{name}` is a whole number that is not below 0.")))
}
