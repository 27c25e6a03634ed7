//! A job as the dialect shows it.

use super::item::{Item, items};
use crate::dialect::exception::ErrorView;
use crate::dialect::queue::Queue;
use crate::dialect::states;
use crate::dialect::time::{iso, seconds};
use hostler_jobs::{Job, State};
use hostler_model::{JobId, TaskId};
use serde::Serialize;

/// A job, with the fields of `NetPulse` 0.4.3 in their order, and `host` and `warnings`.
#[derive(Serialize)]
pub(super) struct JobView<'a> {
    id: JobId,
    status: State,
    created_at: String,
    enqueued_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    queue: String,
    worker: Option<String>,
    result: Option<ResultView<'a>>,
    task_id: Option<TaskId>,
    device_name: &'a str,
    command: Option<&'a [String]>,
    /// Seconds from start to end.
    duration: Option<f64>,
    /// Seconds from submission to start.
    queue_time: Option<f64>,
    /// By it, and not by their order, clients tell the jobs of many devices apart.
    host: &'a str,
    warnings: &'a [String],
}

impl<'a> From<&'a Job> for JobView<'a> {
    /// A job that has just been submitted: it has no results, so nothing in it has an address.
    fn from(job: &'a Job) -> Self {
        Self::new(job, "")
    }
}

impl<'a> JobView<'a> {
    /// A job whose client reaches this daemon at `base`.
    pub(super) fn new(job: &'a Job, base: &str) -> Self {
        let queue = Queue::of(job);
        let lines = job.plan.command.as_deref().or(job.plan.config.as_deref());
        Self {
            id: job.id,
            status: job.state,
            created_at: iso(job.created_at),
            enqueued_at: iso(job.created_at),
            started_at: job.started_at.map(iso),
            ended_at: job.ended_at.map(iso),
            worker: job.started_at.map(|_| queue.worker()),
            queue: queue.to_string(),
            result: ResultView::of(job, base),
            task_id: job.options.detach.is_some().then(|| TaskId::from(job.id)),
            device_name: &job.plan.target.host,
            command: lines.filter(|lines| lines.iter().any(|line| !line.is_empty())),
            duration: job.started_at.zip(job.ended_at).map(|(start, end)| seconds(start, end)),
            queue_time: job.started_at.map(|start| seconds(job.created_at, start)),
            host: &job.plan.target.host,
            warnings: &job.warnings,
        }
    }
}

/// How a job ended.
#[derive(Serialize)]
struct ResultView<'a> {
    #[serde(rename = "type")]
    kind: u8,
    /// Also what stopped the job stands here, as what a command wrote: clients look for it there.
    retval: Option<Vec<Item<'a>>>,
    error: Option<ErrorView<'a>>,
}

impl<'a> ResultView<'a> {
    fn of(job: &'a Job, base: &str) -> Option<Self> {
        let outcome = job.outcome.as_ref()?;
        let kind = states::result_type(job.state);
        let retval = Some(items(job, outcome, base)).filter(|items| !items.is_empty() || kind == 1);
        Some(Self { kind, retval, error: outcome.error.as_ref().map(ErrorView::from) })
    }
}
