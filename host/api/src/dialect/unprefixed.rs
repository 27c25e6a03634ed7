//! What stands without a prefix: the paths that only dialect 0.2 has are its own, all others are of dialect 0.4.

use super::fields::{self, Fields};
use super::{v0_2, v0_4};
use crate::guard::Submitter;
use crate::{Api, body};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

/// Fields of a body that dialect 0.4 has at the top, and 0.2 in `options` or not at all.
const OF_0_4: [&str; 15] = [
    "audit_mode",
    "credential",
    "detach",
    "enable_mode",
    "execution_timeout",
    "file_transfer",
    "parsing",
    "push_interval",
    "queue_strategy",
    "rendering",
    "result_ttl",
    "save",
    "staged_file_id",
    "ttl",
    "webhook",
];

pub(crate) fn router(api: &Api) -> Router {
    v0_2::unprefixed(api).merge(v0_4::unprefixed(api))
}

/// `POST /device/bulk`, which both dialects have: it is of 0.4 if it has any flat key of that one.
pub(super) async fn bulk(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body::read_up_to(body, api.config.batch_body_limit, &api.config).await {
        Ok(body) => body,
        Err(error) => return v0_4::answer(error),
    };
    let fields = match fields::read(&body, headers.get(header::CONTENT_TYPE)) {
        Ok(fields) => fields,
        // Both dialects say the same.
        Err(fault) => return v0_4::Refused::from(fault).into_response(),
    };
    drop(body);
    if is_of_0_4(&fields) {
        v0_4::submit_bulk(&api, caller, &headers, fields).await.into_response()
    } else {
        v0_2::submit_bulk(&api, caller, &headers, fields).await.into_response()
    }
}

fn is_of_0_4(fields: &Fields) -> bool {
    OF_0_4.iter().any(|name| fields.contains_key(*name))
}
