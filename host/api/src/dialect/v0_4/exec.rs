//! `POST /device/exec`.

use super::job::JobView;
use super::multipart::{self, Form};
use super::options::DEFAULT_TTL;
use super::order::Order;
use super::refused::Refused;
use crate::dialect::fault::Fault;
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

/// Submits a job, with which a file may come. Unlike everywhere else, what is wrong with the body is told in one text.
pub(super) async fn exec(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let form = if multipart::is_form(&headers) {
        multipart::read(&api, &caller, &headers, body).await?
    } else {
        Form { request: body::read(body, &api.config).await?, file: None, warnings: Vec::new() }
    };
    let order = read(&form, &headers, &api).map_err(Refused::in_words)?;
    let mut request = order.into_request();
    request.warnings.extend(form.warnings);
    if let Some(file) = form.file {
        request.options.staged = file.into_id();
    }
    let submission = Submission { trace: trace::read(&headers), ..Submission::new(request, Caller::clone(&caller)) };
    let Submitted { job, .. } = to_its_end(async move { api.backend.submit(submission).await }).await?;
    Ok((StatusCode::CREATED, Json(JobView::from(&job))).into_response())
}

fn read(form: &Form, headers: &HeaderMap, api: &Api) -> Result<Order, Refused> {
    let content_type = headers.get(header::CONTENT_TYPE).filter(|_| !multipart::is_form(headers));
    let fields = fields::read(&form.request, content_type)?;
    if form.file.is_some() && fields.get("staged_file_id").is_some_and(|id| !id.is_null()) {
        return Err(Fault::new(
            ["body", "staged_file_id"],
            "value_error",
            "A file came with the request: leave it out",
        )
        .into());
    }
    let order = Order::read(fields, DEFAULT_TTL, api.backend.as_ref())?;
    order.check()?;
    Ok(order)
}
