//! The jobs of a batch, one for each target, on their way in.

use super::problem::{Problem, ProblemView};
use super::request::JobRequest;
use crate::Api;
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream;
use hostler_jobs::{Batch, Idempotency, Job, Submission, Submitted};
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

/// Who submits the jobs of a batch.
pub(super) struct Children {
    api: Api,
    caller: Arc<Caller>,
    /// How the whole was named.
    idempotency: Option<Idempotency>,
    /// The trace that the request is part of.
    trace: Option<String>,
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
    ) -> Arc<Self> {
        Arc::new(Self { api, caller, idempotency, trace })
    }

    /// Submits a request for each target, records the batch, and tells of both.
    pub(super) async fn submit(
        self: Arc<Self>,
        requests: impl Iterator<Item = Map<String, Value>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let (mut id, mut answered) = (BatchId::new(), Vec::new());
        let mut requests = requests.enumerate();
        // One by one until there is a job: if the same came before, that job names the batch that it became.
        for (index, fields) in requests.by_ref() {
            let first = Arc::clone(&self).child(id, index, fields).await;
            match first {
                Answered { job: Err(problem), .. } if problem.is_idempotency_conflict() => return Err(problem),
                _ => answered.push(first),
            }
            if let Some(Answered { job: Ok(job), .. }) = answered.last() {
                id = job.batch.unwrap_or(id);
                break;
            }
        }
        let children = requests.map(|(index, fields)| Arc::clone(&self).child(id, index, fields));
        answered.extend(stream::iter(children).buffered(AT_ONCE).collect::<Vec<_>>().await);
        self.record(id, &answered).await
    }

    async fn child(self: Arc<Self>, batch: BatchId, index: usize, fields: Map<String, Value>) -> Answered {
        let host = fields.get("connection_args").and_then(|args| args.get("host")?.as_str().map(str::to_owned));
        // No header can hold a line break, so no other submission has this key.
        let numbered = |it: &Idempotency| Idempotency { key: format!("{}\n{index}", it.key), ..it.clone() };
        let backend = &self.api.backend;
        let submitted = async {
            let request = JobRequest::read(fields)?;
            request.try_parsing(&self.api).await?;
            let request = request.into_request(|driver| backend.schemas(driver));
            let submission = Submission {
                idempotency: self.idempotency.as_ref().map(numbered),
                batch: Some(batch),
                trace: self.trace.clone(),
                ..Submission::new(request, Caller::clone(&self.caller))
            };
            let Submitted { job, .. } = backend.submit(submission).await?;
            Ok(job)
        };
        let job = submitted.await;
        Answered { index, host, job }
    }

    async fn record(&self, id: BatchId, answered: &[Answered]) -> Result<Response, Problem> {
        let (mut jobs, mut refused) = (Vec::new(), Vec::new());
        for Answered { index, host, job } in answered {
            match job {
                Ok(job) => jobs.push(Child { index: *index, id: job.id, host: &job.plan.target.host }),
                Err(problem) => refused.push(Refused { index: *index, host: host.as_deref(), problem: problem.view() }),
            }
        }
        let known = self.api.backend.batch(id).await?.is_some();
        if !known {
            let (caller, created_at) = (self.caller.name.clone(), id.made_at());
            let batch = Batch { id, caller, created_at, refused: json!(refused) };
            self.api.backend.insert_batch(batch).await?;
        }
        let status = if known { StatusCode::OK } else { StatusCode::CREATED };
        let location = format!("/v1/batches/{id}");
        Ok((status, [(LOCATION, location)], Json(BatchAnswer { id, jobs, refused })).into_response())
    }
}
