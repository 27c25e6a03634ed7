//! Dialect 0.3: what `NetPulse` 0.3 spoke, with true answers. Most of it is `enveloped`.
//!
//! What differs on purpose: a field that is not known becomes a warning of the job instead of being ignored.

mod background;
mod form;

use super::enveloped::bulk::Bulk;
use super::enveloped::refused::{self, Refused};
use super::enveloped::{self, Envelope, JobView, submission};
use super::fields;
use super::tested::TestedView;
use super::{rendering, trial};
use crate::guard::{Submitter, guarded};
use crate::{Api, body, trace};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

pub(crate) fn router(api: &Api) -> Router {
    let router = enveloped::routes()
        .route("/device/exec", post(exec))
        .route("/device/bulk", post(bulk))
        .route("/device/test", post(test))
        .merge(enveloped::template_routes());
    guarded(enveloped::closed(router), api, refused::answer)
}

/// What a submission is wrapped in.
fn created(data: impl Serialize) -> Response {
    (StatusCode::CREATED, Json(Envelope { code: 201, ..Envelope::new(data) })).into_response()
}

async fn exec(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body = body::read(body, &api.config).await?;
    let mut fields = fields::read(&body, headers.get(header::CONTENT_TYPE))?;
    drop(body);
    rendering::finish::<Refused>(&api, &mut fields, None).await?;
    let order = form::read(fields, api.backend.as_ref())?;
    let job = submission::submit(&api, &caller, &headers, order).await?;
    Ok(created(JobView::from(&job)))
}

async fn bulk(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body = body::read_up_to(body, api.config.batch_body_limit, &api.config).await?;
    let mut fields = fields::read(&body, headers.get(header::CONTENT_TYPE))?;
    drop(body);
    if let Some(rendering) = rendering::take::<Refused>(&api, &mut fields, None).await? {
        Arc::clone(&rendering).finish(&api, &mut fields).await?;
        let devices = fields.get_mut("devices").and_then(Value::as_array_mut).into_iter().flatten();
        for device in devices.filter_map(Value::as_object_mut) {
            Arc::clone(&rendering).finish(&api, device).await?;
        }
    }
    let orders = form::read_many(fields, api.config.max_batch, api.backend.as_ref())?;
    if orders.is_empty() {
        return Ok(created(Value::Null));
    }
    let bulk = Bulk::submit(&api, caller, trace::read(&headers), orders).await;
    Ok(created(bulk.view()))
}

async fn test(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Envelope<TestedView>>, Refused> {
    let body = body::read(body, &api.config).await?;
    let fields = fields::read(&body, headers.get(header::CONTENT_TYPE))?;
    drop(body);
    let order = form::read_target(fields, api.backend.as_ref())?;
    let (driver, host) = (order.driver().to_owned(), order.host().unwrap_or_default().to_owned());
    let mut request = order.into_request()?;
    let warnings = std::mem::take(&mut request.warnings);
    let trial = trial::look(&api, &caller, request).await?;
    let message = if trial.seen.is_ok() { "Connection test completed" } else { "Connection test failed" };
    let view = TestedView::new(trial, driver, host, warnings);
    Ok(Json(Envelope { message: message.into(), ..Envelope::new(view) }))
}
