//! The jobs of a batch, one for each target, on their way in.

use super::entry::Entry;
use super::problem::{Problem, ProblemView};
use super::request::JobRequest;
use crate::Api;
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream;
use hostler_jobs::{Idempotency, Job, Submission, Submitted};
use hostler_model::{BatchId, Caller, JobId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// So many are submitted at once: they share the way to the disk.
const AT_ONCE: usize = 64;

/// What became of a batch that was submitted.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchAnswer<'a> {
    /// The batch's name.
    #[schema(value_type = Uuid)]
    id: BatchId,
    /// Its jobs, in the order of the targets.
    jobs: Vec<Child<'a>>,
    /// The targets that were refused, in their order.
    refused: Vec<Refused<'a>>,
}

/// A job of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchJob)]
struct Child<'a> {
    /// Which of the targets, from 0.
    index: usize,
    /// Its name.
    #[schema(value_type = Uuid)]
    id: JobId,
    /// Its host.
    host: &'a str,
}

/// A target of a batch that came to no job.
#[derive(Serialize, ToSchema)]
pub(super) struct Refused<'a> {
    /// Which of the targets, from 0.
    index: usize,
    /// Its host, if it named one.
    host: Option<&'a str>,
    /// Why.
    problem: ProblemView<'a>,
}

/// A target of a batch on its way in.
pub(super) struct Target {
    pub(super) index: usize,
    /// What it is called in the batch: however often that is sent, no other target has this name.
    pub(super) name: String,
    /// The request.
    pub(super) fields: Map<String, Value>,
}

/// Who submits the jobs of a batch.
pub(super) struct Children {
    api: Api,
    caller: Arc<Caller>,
    /// How the whole was named.
    idempotency: Option<Idempotency>,
    /// The trace that the request is part of.
    trace: Option<String>,
    entry: Entry,
}

/// One target, and what became of it.
struct Answered {
    index: usize,
    host: Option<String>,
    job: Result<Job, Problem>,
}

impl Children {
    pub(super) fn new(
        api: Api,
        caller: Arc<Caller>,
        idempotency: Option<Idempotency>,
        trace: Option<String>,
        entry: Entry,
    ) -> Self {
        Self { api, caller, idempotency, trace, entry }
    }

    /// Submits a request for each target, records those that were refused, and tells of all.
    pub(super) async fn submit(
        self,
        targets: impl Iterator<Item = Target> + Send + 'static,
    ) -> Result<Response, Problem> {
        let this = Arc::new(self);
        let of_each = Arc::clone(&this);
        let answered = targets.map(move |target| Arc::clone(&of_each).child(target));
        let answered: Vec<Answered> = stream::iter(answered).buffered(AT_ONCE).collect().await;
        this.record(&answered).await
    }

    async fn child(self: Arc<Self>, Target { index, name, fields }: Target) -> Answered {
        let host = fields.get("connection_args").and_then(|args| args.get("host")?.as_str().map(str::to_owned));
        // No header can hold a line break, so no other submission has this key.
        let named = |it: &Idempotency| Idempotency { key: format!("{}\n{name}", it.key), ..it.clone() };
        let backend = &self.api.backend;
        let submitted = async {
            let request = JobRequest::read(fields)?;
            request.try_parsing(&self.api).await?;
            let request = request.into_request(|driver| backend.schemas(driver));
            let submission = Submission {
                idempotency: self.idempotency.as_ref().map(named),
                batch: Some(self.entry.batch.id),
                trace: self.trace.clone(),
                ..Submission::new(request, Caller::clone(&self.caller))
            };
            let Submitted { job, .. } = backend.submit(submission).await?;
            Ok(job)
        };
        let job = submitted.await;
        Answered { index, host, job }
    }

    async fn record(&self, answered: &[Answered]) -> Result<Response, Problem> {
        let (mut jobs, mut refused) = (Vec::new(), Vec::new());
        for Answered { index, host, job } in answered {
            match job {
                Ok(job) => jobs.push(Child { index: *index, id: job.id, host: &job.plan.target.host }),
                Err(problem) => refused.push(Refused { index: *index, host: host.as_deref(), problem: problem.view() }),
            }
        }
        self.entry.refuse(&self.api, json!(refused)).await?;
        let id = self.entry.batch.id;
        let status = if self.entry.known { StatusCode::OK } else { StatusCode::CREATED };
        let location = format!("/v1/batches/{id}");
        Ok((status, [(LOCATION, location)], Json(BatchAnswer { id, jobs, refused })).into_response())
    }
}
