//! `POST /device/test`.

use super::order::Order;
use super::refused::Refused;
use crate::dialect::fields;
use crate::dialect::time::iso;
use crate::dialect::trial::{self, Trial};
use crate::guard::Submitter;
use crate::{Api, body};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use serde::Serialize;

/// How a test went, with the fields of `NetPulse`, and `remote_version`, which that one drops.
#[derive(Serialize)]
pub(super) struct TestedView {
    success: bool,
    /// Seconds.
    latency: f64,
    error: Option<String>,
    result: Option<Seen>,
    timestamp: String,
    /// The same as in `result`.
    remote_version: Option<String>,
    warnings: Vec<String>,
}

/// What was seen.
#[derive(Serialize)]
struct Seen {
    driver: String,
    host: String,
    /// The identification string of the server (RFC 4253 section 4.2).
    remote_version: Option<String>,
}

/// Tells whether one can log in. Also that one cannot is a success here.
pub(super) async fn test(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<TestedView>, Refused> {
    let body = body::read(body, &api.config).await?;
    let fields = fields::read(&body, headers.get(header::CONTENT_TYPE))?;
    drop(body);
    let order = Order::read_target(fields, api.backend.as_ref())?;
    let (driver, host) = (order.driver().to_owned(), order.host().unwrap_or_default().to_owned());
    let mut request = order.into_request();
    let mut warnings = std::mem::take(&mut request.warnings);
    let Trial { latency, seen, at } = trial::look(&api, &caller, request).await?;
    let (seen, error) = match seen {
        Ok(tested) => {
            warnings.extend(tested.warnings);
            (Some(Seen { driver, host, remote_version: tested.server_version }), None)
        }
        Err(failure) => (None, Some(failure.message)),
    };
    Ok(Json(TestedView {
        success: seen.is_some(),
        latency,
        error,
        remote_version: seen.as_ref().and_then(|seen| seen.remote_version.clone()),
        result: seen,
        timestamp: iso(at),
        warnings,
    }))
}
