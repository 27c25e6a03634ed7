//! Webhooks: how a submission asks for them, and what became of them, under `/v1/webhooks`.

use super::jobs::seen;
use super::problem::{Problem, Refusals};
use super::{invalid, parameters};
use crate::Api;
use crate::guard::Reader;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use hostler_jobs::Delivery;
use hostler_model::{Secret, Webhook, WebhookEvent};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use utoipa::ToSchema;

/// A webhook as a submission asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(deserialize_with = "secret")]
    url: Secret,
    #[serde(default, deserialize_with = "some_secret")]
    secret: Option<Secret>,
    events: Option<BTreeSet<WebhookEvent>>,
    method: Option<String>,
    #[serde(default, deserialize_with = "secrets")]
    headers: BTreeMap<String, Secret>,
    /// Seconds.
    timeout: Option<f64>,
}

impl TryFrom<Wanted> for Webhook {
    type Error = &'static str;

    /// Errors: one sentence.
    fn try_from(wanted: Wanted) -> Result<Self, &'static str> {
        let default = Self::new(wanted.url);
        let seconds = wanted.timeout.map(Duration::try_from_secs_f64).transpose();
        let timeout = seconds.map_err(|_| "A webhook's timeout is a number of seconds.")?;
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err("A webhook's timeout is longer than no time.");
        }
        if wanted.events.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err("A webhook tells at least one event: leave `events` out for all ends of the job.");
        }
        Ok(Self {
            secret: wanted.secret,
            events: wanted.events.unwrap_or(default.events),
            method: wanted.method.unwrap_or(default.method),
            headers: wanted.headers,
            timeout,
            ..default
        })
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

fn some_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Secret>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(texts.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
}

/// What was told of a job.
#[derive(Serialize, ToSchema)]
#[schema(as = Deliveries)]
pub(super) struct DeliveriesView {
    /// In their order.
    #[schema(value_type = Vec<Object>)]
    deliveries: Vec<Delivery>,
}

/// Lists what was told of a job
///
/// To whom, each attempt, and when the next one is.
#[utoipa::path(
    get, path = "/webhooks/deliveries", operation_id = "list_deliveries", tag = "jobs",
    params(("job" = Uuid, Query, description = "The job.")),
    responses((status = 200, description = "The deliveries.", body = DeliveriesView), Refusals),
)]
pub(super) async fn deliveries(
    Reader(caller): Reader,
    State(api): State<Api>,
    uri: Uri,
) -> Result<Json<DeliveriesView>, Problem> {
    let job = parameters(&uri, &["job"])?.pop().map(|(_, job)| job);
    let job = job.ok_or_else(|| invalid("Say whose deliveries are meant: give the query parameter `job`.".into()))?;
    let job = seen(&api, &caller, &job).await?.id;
    let deliveries = api.backend.deliveries(job).await.map_err(|failure| Problem::from(failure).about(job))?;
    Ok(Json(DeliveriesView { deliveries }))
}
