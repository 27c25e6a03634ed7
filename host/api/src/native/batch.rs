//! What a client asks to be done at many targets.

use super::fields::Fields;
use super::problem::Problem;
use super::request::JobRequest;
use hostler_jobs::Job;
use hostler_model::{CredentialRef, Options};
use serde_json::{Map, Value, json};
use std::time::Duration;
use utoipa::ToSchema;

/// Objects of a request that a child completes, where it replaces other fields.
const COMPLETED: [&str; 2] = ["connection_args", "driver_args"];

/// Requests that have much in common.
#[derive(ToSchema)]
#[schema(example = json!({
    "targets": [{"connection_args": {"host": "192.168.1.100"}}, {"connection_args": {"host": "192.168.1.101"}}],
    "connection_args": {"username": "admin", "password": "your_password"},
    "command": "uname -a",
}))]
pub(super) struct BatchRequest {
    /// What differs: a request each. Its `connection_args` and `driver_args` complete those that are common, its other
    /// fields replace them.
    #[schema(value_type = Vec<JobRequest>)]
    pub(super) targets: Vec<Map<String, Value>>,
    /// What is common.
    #[serde(flatten)]
    #[schema(value_type = JobRequest)]
    pub(super) common: Map<String, Value>,
}

/// What is to be done once more.
#[derive(ToSchema)]
pub(super) struct RetryRequest {
    /// Which of the jobs.
    #[schema(required = false, default = "failed")]
    pub(super) only: Only,
    /// What is laid over each of them. Secrets must be given again.
    #[serde(flatten)]
    #[schema(value_type = JobRequest)]
    pub(super) changes: Map<String, Value>,
}

/// Which jobs of a batch are done once more.
#[derive(Clone, Copy, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum Only {
    /// Those that failed.
    Failed,
    /// Those that failed or were canceled.
    Unfinished,
}

impl BatchRequest {
    pub(super) fn read(fields: Map<String, Value>, max_batch: usize) -> Result<Self, Problem> {
        let mut fields = Fields::new(fields);
        let targets = fields.objects("targets").unwrap_or_default();
        if !(1..=max_batch).contains(&targets.len()) {
            fields.problem("targets", "list_length", &format!("Give 1 to {max_batch} targets"));
        }
        no_dry_run(&mut fields);
        Ok(Self { targets, common: fields.rest()? })
    }
}

impl RetryRequest {
    pub(super) fn read(fields: Map<String, Value>) -> Result<Self, Problem> {
        let mut fields = Fields::new(fields);
        let words = [("failed", Only::Failed), ("unfinished", Only::Unfinished)];
        let only = fields.word("only", &words).unwrap_or(Only::Failed);
        no_dry_run(&mut fields);
        Ok(Self { only, changes: fields.rest()? })
    }
}

fn no_dry_run(fields: &mut Fields) {
    if fields.has("dry_run") {
        fields.problem("dry_run", "unsupported", "`dry_run` is for one job: use POST /v1/jobs");
    }
}

/// A request with changes laid over it.
pub(super) fn merged(mut fields: Map<String, Value>, changes: Map<String, Value>) -> Map<String, Value> {
    for (name, change) in changes {
        match (fields.get_mut(&name), change) {
            (Some(Value::Object(fields)), Value::Object(changes)) if COMPLETED.contains(&name.as_str()) => {
                fields.extend(changes);
            }
            (_, change) => drop(fields.insert(name, change)),
        }
    }
    fields
}

/// The request that made a job, without its secrets.
pub(super) fn asked(job: &Job) -> Map<String, Value> {
    let Options { ttl, execution_timeout, result_ttl, repeatable, pinned, detach, staged, ref parsing, ref credential } =
        job.options;
    let mut driver_args = job.plan.driver_args.clone();
    // The daemon tells the driver itself what came with the request, and that it detaches.
    driver_args
        .as_object_mut()
        .into_iter()
        .for_each(|args| args.retain(|name, _| name != "staged" && name != "detach"));
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let request = json!({
        "driver": job.driver,
        "connection_args": job.plan.connection_args,
        "driver_args": driver_args,
        "command": job.plan.command,
        "config": job.plan.config,
        "ttl": seconds(ttl),
        "execution_timeout": seconds(execution_timeout),
        "result_ttl": seconds(result_ttl),
        "repeatable": repeatable,
        "detach": detach.is_some(),
        "staged": staged,
        "queue_strategy": if pinned { "pinned" } else { "fifo" },
        "parsing": parsing,
        "credential": credential.as_ref().map(credential_fields),
    });
    if let Value::Object(fields) = request { fields } else { Map::new() }
}

/// A reference as a request has it.
fn credential_fields(credential: &CredentialRef) -> Value {
    let mut fields = credential.arguments.clone();
    fields.insert("provider".into(), json!(credential.provider));
    fields.insert("reference".into(), json!(credential.reference));
    fields.into()
}
