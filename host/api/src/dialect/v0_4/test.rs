//! `POST /device/test`.

use super::order::Order;
use super::refused::Refused;
use crate::dialect::fields;
use crate::dialect::tested::TestedView;
use crate::dialect::trial;
use crate::guard::Submitter;
use crate::{Api, body};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use serde::Serialize;

/// How a test went, and `remote_version`, where the SDK looks for it too.
#[derive(Serialize)]
pub(super) struct Answer {
    #[serde(flatten)]
    tested: TestedView,
    remote_version: Option<String>,
}

/// Tells whether one can log in. Also that one cannot is a success here.
pub(super) async fn test(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, Refused> {
    let body = body::read(body, &api.config).await?;
    let fields = fields::read(&body, headers.get(header::CONTENT_TYPE))?;
    drop(body);
    let order = Order::read_target(fields, api.backend.as_ref())?;
    let (driver, host) = (order.driver().to_owned(), order.host().unwrap_or_default().to_owned());
    let mut request = order.into_request();
    let warnings = std::mem::take(&mut request.warnings);
    let tested = TestedView::new(trial::look(&api, &caller, request).await?, driver, host, warnings);
    Ok(Json(Answer { remote_version: tested.remote_version().map(ToOwned::to_owned), tested }))
}
