//! One line in the log for each request, and a name for each, by which all lines about it are found.

use crate::Api;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use hostler_model::JobId;
use std::time::Instant;
use tracing::Instrument;

/// The header with the name of a request: the client's, or one that the daemon gives; the answer has it too.
const REQUEST_ID: &str = "x-request-id";

/// The longest name that is taken from a client, in bytes.
const LONGEST_ID: usize = 128;

/// Logs method, path, status and milliseconds; never the query, because it may hold the API key.
pub(crate) async fn log(State(api): State<Api>, request: Request, next: Next) -> Response {
    let id = id(request.headers());
    let span = tracing::info_span!("request", request_id = id.to_str().unwrap_or_default());
    async {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let start = Instant::now();
        let mut response = next.run(request).await;
        let (duration, status) = (start.elapsed(), response.status());
        response.headers_mut().insert(REQUEST_ID, id);
        tracing::info!(%method, path, status = status.as_u16(), ms = duration.as_secs_f64() * 1000.0, "request");
        api.metrics.answered(route.as_ref().map(MatchedPath::as_str), status, duration);
        response
    }
    .instrument(span)
    .await
}

/// The client's name for the request, if it is short and visible (RFC 9110 section 5.5), else a new one.
fn id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|id| {
        let length = id.as_bytes().len();
        (1..=LONGEST_ID).contains(&length) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| JobId::new().to_string().try_into().expect("a UUID can be in a header"))
}
