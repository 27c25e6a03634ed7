//! How an order becomes a job.

use super::order::Order;
use super::refused::Refused;
use crate::{Api, trace};
use axum::http::HeaderMap;
use hostler_jobs::{Job, Submission, Submitted, to_its_end};
use hostler_model::Caller;

/// Submits an order for one device.
pub(in crate::dialect) async fn submit(
    api: &Api,
    caller: &Caller,
    headers: &HeaderMap,
    order: Order,
) -> Result<Job, Refused> {
    let request = order.into_request()?;
    let submission = Submission { trace: trace::read(headers), ..Submission::new(request, caller.clone()) };
    let backend = api.backend.clone();
    let Submitted { job, .. } = to_its_end(async move { backend.submit(submission).await }).await?;
    Ok(job)
}
