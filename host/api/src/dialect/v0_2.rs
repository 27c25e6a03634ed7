//! Dialect 0.2: what `NetPulse` 0.2.0 spoke, with true answers. Most of it is `enveloped`.

mod form;
mod tested;

use super::enveloped::bulk::Bulk;
use super::enveloped::order::Order;
use super::enveloped::refused::{self, Refused};
use super::enveloped::{self, Envelope, JobView, submission, success};
use super::fault::Faults;
use super::fields::{self, Fields};
use super::{rendering, trial};
use crate::guard::{Submitter, guarded};
use crate::{Api, body, trace};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use axum::{Json, Router};
use form::Form;
use hostler_model::Caller;
use std::sync::Arc;
use tested::TestedView;

/// All of it, for its prefix.
pub(crate) fn router(api: &Api) -> Router {
    let router = routes().route("/device/bulk", many(Form::Execute)).merge(enveloped::template_routes());
    guarded(enveloped::closed(router), api, refused::answer)
}

/// What stands without a prefix too.
pub(crate) fn unprefixed(api: &Api) -> Router {
    guarded(enveloped::without_other_methods(routes()), api, refused::answer)
}

fn routes() -> Router<Api> {
    enveloped::routes()
        .route("/device/execute", one(Form::Execute))
        .route("/device/test-connection", post(test))
        .route("/pull", one(Form::Pull))
        .route("/pull/", one(Form::Pull))
        .route("/pull/batch", many(Form::Pull))
        .route("/push", one(Form::Push))
        .route("/push/", one(Form::Push))
        .route("/push/batch", many(Form::Push))
}

/// Submits a job.
fn one(form: Form) -> MethodRouter<Api> {
    let submit = async move |Submitter(caller): Submitter, State(api): State<Api>, headers: HeaderMap, body: Body| {
        let body = body::read(body, &api.config).await?;
        let mut fields = fields::read(&body, headers.get(header::CONTENT_TYPE)).map_err(Faults::from)?;
        drop(body);
        rendering::finish::<Refused>(&api, &mut fields, form.options()).await?;
        let order = form.read(fields, api.backend.as_ref())?;
        let job = submission::submit(&api, &caller, &headers, order).await?;
        Ok::<_, Refused>((StatusCode::CREATED, success(JobView::from(&job))).into_response())
    };
    post(submit)
}

/// Submits a job for each of many devices.
fn many(form: Form) -> MethodRouter<Api> {
    let submit = async move |Submitter(caller): Submitter, State(api): State<Api>, headers: HeaderMap, body: Body| {
        let body = body::read_up_to(body, api.config.batch_body_limit, &api.config).await?;
        let fields = fields::read(&body, headers.get(header::CONTENT_TYPE)).map_err(Faults::from)?;
        drop(body);
        submit_all(form, &api, caller, &headers, fields).await
    };
    post(submit)
}

/// The same for fields that were read, as `POST /device/bulk` has them.
pub(super) async fn submit_bulk(
    api: &Api,
    caller: Arc<Caller>,
    headers: &HeaderMap,
    fields: Fields,
) -> Result<Response, Refused> {
    submit_all(Form::Execute, api, caller, headers, fields).await
}

async fn submit_all(
    form: Form,
    api: &Api,
    caller: Arc<Caller>,
    headers: &HeaderMap,
    mut fields: Fields,
) -> Result<Response, Refused> {
    rendering::finish::<Refused>(api, &mut fields, form.options()).await?;
    let orders = form.read_many(fields, api.backend.as_ref())?;
    let bulk = Bulk::submit(api, caller, trace::read(headers), orders).await;
    Ok((StatusCode::CREATED, success(bulk.view())).into_response())
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
    let order = target(fields, &api)?;
    let (driver, host) = (order.driver().to_owned(), order.host().unwrap_or_default().to_owned());
    let request = order.into_request()?;
    let trial = trial::look(&api, &caller, request).await?;
    let message = if trial.seen.is_ok() { "Connection test completed" } else { "Connection test failed" };
    Ok(Json(Envelope { message: message.into(), ..Envelope::new(TestedView::new(trial, &driver, host)) }))
}

/// The body of a test.
fn target(mut fields: Fields, api: &Api) -> Result<Order, Faults> {
    let mut faults = Faults::default();
    let order = Order::of_nothing(&mut fields, api.backend.as_ref(), &mut faults);
    form::refuse(&fields, &["body"], &mut faults);
    order.filter(|_| faults.0.is_empty()).ok_or(faults)
}
