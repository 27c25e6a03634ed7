//! `POST /device/bulk`.

use super::job::JobView;
use super::options::DEFAULT_TTL_OF_MANY;
use super::order::Order;
use super::refused::Refused;
use crate::dialect::enveloped::devices;
use crate::dialect::fault::Faults;
use crate::dialect::fields::{self, Fields};
use crate::dialect::rendering;
use crate::guard::Submitter;
use crate::{Api, body, trace};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream;
use hostler_jobs::{Job, Submission, to_its_end};
use hostler_model::Caller;
use serde::Serialize;
use std::sync::Arc;

/// So many are submitted at once: they share the way to the disk.
const AT_ONCE: usize = 64;

/// What became of a request to many devices.
#[derive(Serialize)]
struct BulkView<'a> {
    /// The jobs, in the order of the devices.
    succeeded: Vec<JobView<'a>>,
    failed: &'a [Refusal],
}

/// A device that no job was made for.
#[derive(Serialize)]
struct Refusal {
    host: String,
    reason: String,
}

pub(super) async fn bulk(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body = body::read_up_to(body, api.config.batch_body_limit, &api.config).await?;
    let fields = fields::read(&body, headers.get(header::CONTENT_TYPE))?;
    drop(body);
    submit(&api, caller, &headers, fields).await
}

/// Submits a job for each device by itself, so that one that is wrong stops no other.
pub(in crate::dialect) async fn submit(
    api: &Api,
    caller: Arc<Caller>,
    headers: &HeaderMap,
    mut fields: Fields,
) -> Result<Response, Refused> {
    let rendering = rendering::take::<Refused>(api, &mut fields, None).await?;
    if let Some(rendering) = &rendering {
        Arc::clone(rendering).finish(api, &mut fields).await?;
    }
    let mut faults = Faults::default();
    let devices = devices::take(&mut fields, &(0..=api.config.max_batch), &mut faults);
    let common = Order::read(fields, DEFAULT_TTL_OF_MANY, api.backend.as_ref());
    let (common, devices) = match (common, devices) {
        (Ok(common), Some(devices)) => (Arc::new(common), devices),
        (Ok(_), None) => return Err(faults.into()),
        (Err(wrong), _) => {
            faults.0.extend(wrong.0);
            return Err(faults.into());
        }
    };
    let (api, trace) = (api.clone(), trace::read(headers));
    let submit = move |(index, mut device): (usize, Fields)| {
        let (api, caller) = (api.clone(), Arc::clone(&caller));
        let (common, rendering, trace) = (Arc::clone(&common), rendering.clone(), trace.clone());
        async move {
            let host = device.get("host").and_then(|host| host.as_str()).or(common.host());
            let host = host.map_or_else(|| format!("devices[{index}]"), str::to_owned);
            let submitted = async {
                if let Some(rendering) = rendering {
                    rendering.finish(&api, &mut device).await?;
                }
                let order = common.for_device(device)?;
                order.check()?;
                let request = order.into_request();
                let submission = Submission { trace, ..Submission::new(request, Caller::clone(&caller)) };
                Ok::<_, Refused>(api.backend.submit(submission).await?.job)
            };
            submitted.await.map_err(|refused| Refusal { host, reason: refused.sentence() })
        }
    };
    let submitted = stream::iter(devices.into_iter().enumerate()).map(submit).buffered(AT_ONCE);
    let (mut jobs, mut failed): (Vec<Job>, _) = (Vec::new(), Vec::new());
    for one in to_its_end(submitted.collect::<Vec<_>>()).await {
        match one {
            Ok(job) => jobs.push(job),
            Err(refusal) => failed.push(refusal),
        }
    }
    let view = BulkView { succeeded: jobs.iter().map(JobView::from).collect(), failed: &failed };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}
