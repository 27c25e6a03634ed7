//! One request to many devices.

use super::job::JobView;
use super::order::Order;
use super::refused::Refused;
use crate::Api;
use futures::StreamExt;
use futures::stream;
use hostler_jobs::{Job, Submission, to_its_end};
use hostler_model::Caller;
use serde::Serialize;
use std::sync::Arc;

/// So many are submitted at once: they share the way to the disk.
const AT_ONCE: usize = 64;

/// What became of a request to many devices.
pub(in crate::dialect) struct Bulk {
    /// The jobs, in the order of the devices.
    jobs: Vec<Job>,
    /// The hosts that no job was made for, and why.
    failed: Vec<(String, String)>,
}

/// The same, with the fields of `NetPulse`, and `warnings`, which say why.
#[derive(Serialize)]
pub(in crate::dialect) struct BulkView<'a> {
    succeeded: Vec<JobView<'a>>,
    failed: Vec<&'a str>,
    warnings: Vec<String>,
}

impl Bulk {
    /// Submits each order by itself, so that one that is wrong stops no other.
    pub(in crate::dialect) async fn submit(
        api: &Api,
        caller: Arc<Caller>,
        trace: Option<String>,
        orders: Vec<Order>,
    ) -> Self {
        let backend = api.backend.clone();
        let submit = move |(index, order): (usize, Order)| {
            let (backend, caller, trace) = (backend.clone(), Arc::clone(&caller), trace.clone());
            async move {
                let host = order.host().map_or_else(|| format!("devices[{index}]"), str::to_owned);
                let submitted = async {
                    let request = order.into_request()?;
                    let submission = Submission { trace, ..Submission::new(request, Caller::clone(&caller)) };
                    Ok::<_, Refused>(backend.submit(submission).await?.job)
                };
                submitted.await.map_err(|refused| (host, refused.sentence()))
            }
        };
        let submitted = stream::iter(orders.into_iter().enumerate()).map(submit).buffered(AT_ONCE);
        let submitted: Vec<_> = to_its_end(submitted.collect::<Vec<_>>()).await;
        let (mut jobs, mut failed) = (Vec::new(), Vec::new());
        for one in submitted {
            match one {
                Ok(job) => jobs.push(job),
                Err(why) => failed.push(why),
            }
        }
        Self { jobs, failed }
    }

    pub(in crate::dialect) fn view(&self) -> BulkView<'_> {
        BulkView {
            succeeded: self.jobs.iter().map(JobView::from).collect(),
            failed: self.failed.iter().map(|(host, _)| host.as_str()).collect(),
            warnings: self.failed.iter().map(|(host, why)| format!("{host}: {why}")).collect(),
        }
    }
}
