//! Batches: jobs that are submitted together, under `/v1/batches`.

use super::batch::{BatchRequest, Only, RetryRequest, asked, merged};
use super::children::{BatchAnswer, Children, Refused, Target};
use super::entry::{Entry, Record};
use super::parameters;
use super::problem::{Problem, Refusals};
use super::request::{idempotency, parsed, text};
use crate::guard::{Canceler, Reader, Submitter};
use crate::{Api, trace};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use hostler_jobs::{Batch, Filter, Job, Page, State as Standing, to_its_end};
use hostler_model::{BatchId, Caller, ErrorKind, Failure, JobId, Phase};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// So many batches are taken apart and submitted at once: then they take many times the memory of their bodies. Those are
/// read before, because a slow client must keep nobody waiting. They take no more memory than was sent, each within its limit,
/// and there is one on each connection at most; whoever sends fast enough to fill that can do it by the dialects' bulks, too.
static BATCHES: Semaphore = Semaphore::const_new(4);

/// A batch and where its jobs stand.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
pub(super) struct BatchView {
    /// Its name.
    #[schema(value_type = Uuid)]
    id: BatchId,
    /// Whose key submitted it.
    caller: String,
    /// When it was accepted.
    created_at: Timestamp,
    /// How many of its jobs are in each state; those that are not kept any more are not counted.
    counts: Counts,
    /// The targets that were refused.
    #[schema(value_type = Vec<Refused>)]
    refused: Value,
    /// The address of the list of its jobs.
    jobs_url: String,
}

/// Jobs by state.
#[derive(Serialize, ToSchema)]
struct Counts {
    queued: u64,
    started: u64,
    finished: u64,
    failed: u64,
    canceled: u64,
}

impl From<BTreeMap<Standing, u64>> for Counts {
    fn from(counts: BTreeMap<Standing, u64>) -> Self {
        let count = |state| counts.get(&state).copied().unwrap_or_default();
        Self {
            queued: count(Standing::Queued),
            started: count(Standing::Started),
            finished: count(Standing::Finished),
            failed: count(Standing::Failed),
            canceled: count(Standing::Canceled),
        }
    }
}

/// Submits many jobs
///
/// Each target is checked by itself: one that is wrong does not stop the others, and is named in `refused`. With an
/// `Idempotency-Key` no target becomes a second job when the batch is sent again.
#[utoipa::path(
    post, path = "/batches", operation_id = "submit_batch", tag = "batches",
    params(("Idempotency-Key" = Option<String>, Header, description = "How the client names this batch, so that sending it again does not submit again. Kept for a day.")),
    request_body = BatchRequest,
    responses((status = 201, description = "The batch, with its jobs and what was refused of it.", body = BatchAnswer), Refusals),
)]
pub(super) async fn submit(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let body = text(body, &headers, api.config.batch_body_limit, &api).await?;
    let _turn = BATCHES.acquire().await;
    let fields = parsed(&body)?;
    drop(body);
    let idempotency = idempotency(&headers, &fields, api.backend.as_ref())?;
    let BatchRequest { targets, common } = BatchRequest::read(fields, api.config.max_batch)?;
    let targets = targets.into_iter().enumerate().map(move |(index, own)| {
        let fields = merged(common.clone(), own);
        Target { index, name: index.to_string(), fields }
    });
    let entry = Entry::make(&api, &caller, idempotency.as_ref(), None).await?;
    to_its_end(Children::new(api, caller, idempotency, trace::read(&headers), entry).submit(targets)).await
}

/// Shows a batch
#[utoipa::path(
    get, path = "/batches/{id}", operation_id = "get_batch", tag = "batches",
    params(("id" = Uuid, Path, description = "The batch's name.")),
    responses((status = 200, description = "The batch.", body = BatchView), Refusals),
)]
pub(super) async fn get(
    Reader(caller): Reader,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<BatchView>, Problem> {
    parameters(&uri, &[])?;
    let batch = seen(&api, &caller, &id).await?;
    show(&api, batch).await
}

/// Cancels all jobs of a batch
///
/// Those that wait are canceled at once, those that were begun are asked to stop.
#[utoipa::path(
    post, path = "/batches/{id}/cancel", operation_id = "cancel_batch", tag = "batches",
    params(("id" = Uuid, Path, description = "The batch's name.")),
    responses((status = 202, description = "The batch.", body = BatchView), Refusals),
)]
pub(super) async fn cancel(
    Canceler(caller): Canceler,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<(StatusCode, Json<BatchView>), Problem> {
    parameters(&uri, &[])?;
    let batch = seen(&api, &caller, &id).await?;
    let (backend, filter) = (api.backend.clone(), of(batch.id));
    to_its_end(async move { backend.cancel(filter, &caller).await }).await?;
    Ok((StatusCode::ACCEPTED, show(&api, batch).await?))
}

/// Does failed jobs of a batch once more
///
/// They become a new batch. Secrets are not kept, so the body gives them again.
#[utoipa::path(
    post, path = "/batches/{id}/retry", operation_id = "retry_batch", tag = "batches",
    params(
        ("id" = Uuid, Path, description = "The batch's name."),
        ("Idempotency-Key" = Option<String>, Header, description = "How the client names the new batch, so that sending this again does not submit again. Kept for a day."),
    ),
    request_body = RetryRequest,
    responses((status = 201, description = "The new batch, with its jobs and what was refused of it.", body = BatchAnswer), Refusals),
)]
pub(super) async fn retry(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let batch = seen(&api, &caller, &id).await?;
    let body = text(body, &headers, api.config.body_limit, &api).await?;
    let _turn = BATCHES.acquire().await;
    let fields = parsed(&body)?;
    drop(body);
    let idempotency = idempotency(&headers, &(batch.id, &fields), api.backend.as_ref())?;
    let RetryRequest { only, changes } = RetryRequest::read(fields)?;
    let states = match only {
        Only::Failed => [Standing::Failed].into(),
        Only::Unfinished => [Standing::Failed, Standing::Canceled].into(),
    };
    let entry = Entry::make(&api, &caller, idempotency.as_ref(), Some(Filter { states, ..of(batch.id) })).await?;
    let sources = entry.record.sources.clone();
    let mut jobs = all(&api, &sources).await?;
    let targets = sources.into_iter().enumerate().filter_map(move |(index, source)| {
        // One that is not kept any more cannot be done once more.
        let fields = merged(asked(&jobs.remove(&source)?), changes.clone());
        Some(Target { index, name: source.to_string(), fields })
    });
    to_its_end(Children::new(api, caller, idempotency, trace::read(&headers), entry).submit(targets)).await
}

/// Those of these jobs that are kept.
async fn all(api: &Api, ids: &[JobId]) -> Result<HashMap<JobId, Job>, Problem> {
    let page = Page { before: None, limit: ids.len(), with_results: false };
    let jobs = api.backend.list(Filter { ids: Some(ids.to_vec()), ..Filter::default() }, page).await?;
    Ok(jobs.into_iter().map(|job| (job.id, job)).collect())
}

/// The jobs of a batch.
fn of(batch: BatchId) -> Filter {
    Filter { batch: Some(batch), ..Filter::default() }
}

/// The batch of this name. What the caller may not see is not there.
async fn seen(api: &Api, caller: &Caller, id: &str) -> Result<Batch, Problem> {
    let none = || {
        let message = "There is no batch of this name; ask with the id that the submission answered.";
        Problem::from(Failure::new(ErrorKind::NotFound, Phase::Store, message))
    };
    let batch = api.backend.batch(id.parse().map_err(|_| none())?).await?;
    batch.filter(|batch| caller.reaches(&batch.caller)).ok_or_else(none)
}

async fn show(api: &Api, batch: Batch) -> Result<Json<BatchView>, Problem> {
    let counts = api.backend.counts(of(batch.id)).await?.into();
    let Record { refused, .. } = Record::of(&batch)?;
    let Batch { id, caller, created_at, .. } = batch;
    Ok(Json(BatchView { id, caller, created_at, counts, refused, jobs_url: format!("/v1/jobs?batch={id}") }))
}
