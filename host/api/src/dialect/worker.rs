//! Workers: `NetPulse` has a process for each; here they are views of what is in the queues.

use super::queue::{NODE, Queue};
use super::time::iso;
use crate::Api;
use hostler_jobs::{Filter, Page, State, to_its_end};
use hostler_model::{Caller, ErrorKind, Failure, Phase};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::process;
use std::sync::Arc;

/// So many open pinned jobs are looked at for the hosts that have some.
const LOOKED_AT: usize = 10_000;

/// A worker, with the fields of `NetPulse`.
#[derive(Serialize)]
pub(super) struct Worker {
    pub(super) name: String,
    /// `busy` while it carries out a job, else `idle`.
    status: &'static str,
    pid: u32,
    hostname: &'static str,
    pub(super) queues: [String; 1],
    last_heartbeat: String,
    birth_at: String,
    successful_job_count: u64,
    failed_job_count: u64,
    /// The queue, unless it is the worker of the node.
    #[serde(skip)]
    pub(super) queue: Option<Queue>,
}

impl Worker {
    fn new(queue: Option<Queue>, birth: Timestamp, counts: &BTreeMap<State, u64>) -> Self {
        let count = |state| counts.get(&state).copied().unwrap_or_default();
        Self {
            name: queue.as_ref().map_or(NODE.into(), Queue::worker),
            status: if count(State::Started) > 0 { "busy" } else { "idle" },
            pid: process::id(),
            hostname: NODE,
            queues: [queue.as_ref().map_or_else(|| format!("NodeQ_{NODE}"), Queue::to_string)],
            last_heartbeat: iso(Timestamp::now()),
            birth_at: iso(birth),
            successful_job_count: count(State::Finished),
            failed_job_count: count(State::Failed),
            queue,
        }
    }

    /// Whether it carries out a job.
    pub(super) fn is_busy(&self) -> bool {
        self.status == "busy"
    }
}

/// The worker of the node, that of the common queue, and one for each host that has open pinned jobs. A caller that may
/// see its own jobs only sees workers that have those only.
pub(super) async fn list(api: &Api, caller: &Caller) -> Result<Vec<Worker>, Failure> {
    let of = |filter| Filter { caller: caller.reach(), ..filter };
    let open = Filter { pinned: Some(true), states: [State::Queued, State::Started].into(), ..Filter::default() };
    let page = Page { with_results: false, ..Page::first(LOOKED_AT) };
    let mut hosts = BTreeMap::new();
    // The newest come first: the last word has the oldest.
    for job in api.backend.list(of(open), page).await? {
        hosts.insert(job.plan.target.host, job.created_at);
    }
    let fifo = api.backend.counts(of(Queue::Fifo.filter())).await?;
    let mut workers = vec![
        Worker::new(None, api.started_at, &BTreeMap::new()),
        Worker::new(Some(Queue::Fifo), api.started_at, &fifo),
    ];
    for (host, since) in hosts {
        let queue = Queue::Host(host);
        let counts = api.backend.counts(of(queue.filter())).await?;
        workers.push(Worker::new(Some(queue), since, &counts));
    }
    Ok(workers)
}

/// Cancels what the workers of hosts carry out and what waits for them, and answers their names. The other workers are the
/// daemon itself: whoever means one of them is refused, and told by what jobs are cancelled.
pub(super) async fn stop(
    api: &Api,
    caller: Arc<Caller>,
    workers: Vec<Worker>,
    cancel: &str,
) -> Result<Vec<String>, Failure> {
    if let Some(lasting) = workers.iter().find(|worker| !matches!(worker.queue, Some(Queue::Host(_)))) {
        let message = format!(
            "Worker {} is the daemon itself and cannot be deleted; cancel jobs by `{cancel}`, or stop the service.",
            lasting.name
        );
        return Err(Failure::new(ErrorKind::Unsupported, Phase::Validate, message));
    }
    let backend = api.backend.clone();
    let stopped = async move {
        for queue in workers.iter().filter_map(|worker| worker.queue.as_ref()) {
            backend.cancel(queue.filter(), &caller).await?;
        }
        Ok(workers.into_iter().map(|worker| worker.name).collect())
    };
    to_its_end(stopped).await
}
