//! What a run of a job wrote, as bytes from an offset on.

use super::problem::Problem;
use super::{existing, invalid, parameters, patience};
use crate::Api;
use crate::guard::Reader;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use hostler_jobs::Slice;
use std::str::FromStr;
use std::time::Duration;

/// The bytes of `?run=0&stream=stdout` from `&offset=0` on, as many as fit; with `&wait=SECONDS` once there are some. The
/// header `Output-Offset` says where they begin, `Output-Next` where to go on, `Output-Total` how many there are in all, once the run has ended.
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
    let job = existing(&api, &caller, &id).await?;
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
