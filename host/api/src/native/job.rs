//! A job as the native API shows it.

use super::request::QueueStrategy;
use super::result::ResultView;
use hostler_jobs::{Job, State};
use hostler_model::{BatchId, Failure, JobId, Options, Target};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use utoipa::ToSchema;

/// A job as lists show it.
#[derive(Serialize, ToSchema)]
#[schema(as = JobRow)]
pub(super) struct RowView<'a> {
    /// Its name.
    #[schema(value_type = Uuid)]
    id: JobId,
    /// Where it stands.
    state: State,
    /// Whose key submitted it.
    caller: &'a str,
    /// The batch that it is part of.
    #[schema(value_type = Option<Uuid>)]
    batch: Option<BatchId>,
    /// The plugin that carries it out.
    driver: &'a str,
    /// The server that it is for.
    target: &'a Target,
    /// Commands, in order.
    command: Option<&'a [String]>,
    /// Lines of configuration, in order.
    config: Option<&'a [String]>,
    /// Which attempt this is, from 1: a job may be begun again after the daemon ended in the middle of it.
    attempt: u32,
    /// When it was accepted.
    created_at: Timestamp,
    /// When it was begun.
    started_at: Option<Timestamp>,
    /// When somebody asked to cancel it after it had begun.
    cancel_requested_at: Option<Timestamp>,
    /// When it ended.
    ended_at: Option<Timestamp>,
    /// What stopped it.
    error: Option<&'a Failure>,
}

impl<'a> From<&'a Job> for RowView<'a> {
    fn from(job: &'a Job) -> Self {
        Self {
            id: job.id,
            state: job.state,
            caller: &job.caller,
            batch: job.batch,
            driver: &job.driver,
            target: &job.plan.target,
            command: job.plan.command.as_deref(),
            config: job.plan.config.as_deref(),
            attempt: job.attempt,
            created_at: job.created_at,
            started_at: job.started_at,
            cancel_requested_at: job.cancel_requested_at,
            ended_at: job.ended_at,
            error: job.outcome.as_ref().and_then(|outcome| outcome.error.as_ref()),
        }
    }
}

/// A job with all that is known about it. It holds no secret, because a [`Job`] holds none.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub(super) struct JobView<'a> {
    #[serde(flatten)]
    row: RowView<'a>,
    #[serde(flatten)]
    options: OptionsView,
    /// The version of the driver that accepted it, and that carries it out.
    driver_version: &'a str,
    /// `sha256:` and the SHA-256 of that driver's component.
    driver_digest: &'a str,
    /// How the target is reached, without secrets, with defaults filled in.
    #[schema(value_type = Object)]
    connection_args: &'a Value,
    /// What the driver minds, without secrets, with defaults filled in.
    #[schema(value_type = Object)]
    driver_args: &'a Value,
    /// Paths of the secrets that came with the request, such as `connection_args.password`.
    secrets: &'a [String],
    /// The trace that it is part of: the trace id of W3C Trace Context.
    trace_id: Option<&'a str>,
    /// Why it has not been begun, if it waits.
    waiting_for: Option<String>,
    /// What the client should know besides, one sentence each.
    warnings: &'a [String],
    /// What its commands and transfers did, in order, as far as they have ended; also those before an error.
    results: Vec<ResultView<'a>>,
}

impl<'a> JobView<'a> {
    /// Shows a job, and why it waits.
    pub(super) fn new(job: &'a Job, waiting_for: Option<String>) -> Self {
        Self {
            row: RowView::from(job),
            options: OptionsView::from(&job.options),
            driver_version: &job.plan.driver_version,
            driver_digest: &job.plan.driver_digest,
            connection_args: &job.plan.connection_args,
            driver_args: &job.plan.driver_args,
            secrets: &job.plan.secrets,
            trace_id: job.trace.as_deref().and_then(|trace| trace.split('-').nth(1)),
            waiting_for,
            warnings: &job.warnings,
            results: job.outcome.iter().flat_map(|outcome| &outcome.results).map(ResultView::from).collect(),
        }
    }
}

/// What was asked of a job besides its work. Times are seconds; null is up to the operator.
#[derive(Serialize, ToSchema)]
#[schema(as = JobOptions)]
pub(super) struct OptionsView {
    /// How long it may wait in the queue.
    ttl: Option<f64>,
    /// How long it may take from its start to its end.
    execution_timeout: Option<f64>,
    /// How long it is kept after its end.
    result_ttl: Option<f64>,
    /// Whether it may be carried out once more where the daemon ended in the middle of it.
    repeatable: bool,
    /// How it shares its target with others.
    queue_strategy: QueueStrategy,
}

impl From<&Options> for OptionsView {
    fn from(options: &Options) -> Self {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        Self {
            ttl: seconds(options.ttl),
            execution_timeout: seconds(options.execution_timeout),
            result_ttl: seconds(options.result_ttl),
            repeatable: options.repeatable,
            queue_strategy: if options.pinned { QueueStrategy::Pinned } else { QueueStrategy::Fifo },
        }
    }
}
