//! `POST /device/exec`.

use super::job::JobView;
use super::options::DEFAULT_TTL;
use super::order::Order;
use super::refused::Refused;
use crate::dialect::fields;
use crate::guard::Submitter;
use crate::{Api, body, trace};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hostler_jobs::{Submission, Submitted, to_its_end};
use hostler_model::Caller;

/// Submits a job. Unlike everywhere else, what is wrong with the body is told in one text.
pub(super) async fn exec(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body = body::read(body, &api.config).await?;
    let order = read(&body, &headers, &api).map_err(Refused::in_words)?;
    drop(body);
    let request = order.into_request();
    let submission = Submission { trace: trace::read(&headers), ..Submission::new(request, Caller::clone(&caller)) };
    let Submitted { job, .. } = to_its_end(async move { api.backend.submit(submission).await }).await?;
    Ok((StatusCode::CREATED, Json(JobView::from(&job))).into_response())
}

fn read(body: &[u8], headers: &HeaderMap, api: &Api) -> Result<Order, Refused> {
    let fields = fields::read(body, headers.get(header::CONTENT_TYPE))?;
    let order = Order::read(fields, DEFAULT_TTL, api.backend.as_ref())?;
    order.check()?;
    Ok(order)
}
