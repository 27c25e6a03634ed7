//! Jobs, under `/v1/jobs`.

use super::job::{JobView, RowView};
use super::problem::{Problem, Refusals};
use super::request::{JobRequest, idempotency, object};
use super::wanted::{self, Wanted};
use super::{parameters, patience};
use crate::guard::{Canceler, Reader, Submitter};
use crate::{Api, error::Error, trace};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hostler_jobs::{DryRun, Filter, Job, Page, State as Standing, Submission, Submitted, Verdict, to_its_end};
use hostler_model::{Caller, ErrorKind, Failure, JobId, Phase, Plan, Target};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

/// What a job would be, and what the policies say to it.
#[derive(Serialize, ToSchema)]
#[schema(as = DryRun)]
struct DryRunView<'a> {
    /// The server that the job would be for.
    target: &'a Target,
    /// Commands, in order.
    command: Option<&'a [String]>,
    /// Lines of configuration, in order.
    config: Option<&'a [String]>,
    /// How the target would be reached, without secrets, with defaults filled in.
    #[schema(value_type = Object)]
    connection_args: &'a Value,
    /// What the driver would mind, without secrets, with defaults filled in.
    #[schema(value_type = Object)]
    driver_args: &'a Value,
    /// The version of the driver.
    driver_version: &'a str,
    /// `sha256:` and the SHA-256 of the driver's component.
    driver_digest: &'a str,
    /// What the policies said, in the order in which they were asked; after a change all are asked once more.
    #[schema(value_type = Vec<Object>)]
    policies: &'a [Verdict],
    /// What the client should know besides, one sentence each.
    warnings: &'a [String],
}

impl<'a> From<&'a DryRun> for DryRunView<'a> {
    fn from(DryRun { plan, policies, warnings }: &'a DryRun) -> Self {
        let Plan { target, command, config, connection_args, driver_args, driver_version, driver_digest, .. } = plan;
        let (command, config) = (command.as_deref(), config.as_deref());
        Self {
            target,
            command,
            config,
            connection_args,
            driver_args,
            driver_version,
            driver_digest,
            policies,
            warnings,
        }
    }
}

/// What there is without a new job.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Found<'a> {
    /// What was submitted before.
    Job(Box<JobView<'a>>),
    /// What would be done.
    DryRun(DryRunView<'a>),
}

/// One page of a list.
#[derive(Serialize, ToSchema)]
#[schema(as = JobPage)]
struct PageView<'a> {
    /// Newest first.
    jobs: Vec<RowView<'a>>,
    /// What to give as `cursor` to get the next page; null if this is the last one.
    #[schema(value_type = Option<String>)]
    next: Option<JobId>,
}

/// Submits a job
///
/// The answer comes when the job is on disk. What an earlier submission with the same `Idempotency-Key` and an equal body
/// made is answered with 200; the same key with another body is refused.
#[utoipa::path(
    post, path = "/jobs", operation_id = "submit_job", tag = "jobs",
    params(("Idempotency-Key" = Option<String>, Header, description = "How the client names this submission, so that sending it again does not submit again. Kept for a day.")),
    request_body = JobRequest,
    responses(
        (status = 201, description = "The job, which waits or has begun; `Location` is its address.", body = JobView),
        (status = 200, description = "The job that was submitted under this key before; for `dry_run` what would be done .", body = Found),
        Refusals,
    ),
)]
pub(super) async fn submit(
    Submitter(caller): Submitter,
    State(api): State<Api>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let fields = object(body, &headers, api.config.body_limit, &api).await?;
    let idempotency = idempotency(&headers, &fields, api.backend.as_ref())?;
    let request = JobRequest::read(fields)?;
    request.try_parsing(&api).await?;
    let dry_run = request.dry_run;
    let submission = Submission {
        idempotency,
        trace: trace::read(&headers),
        ..Submission::new(request.into_request(|driver| api.backend.schemas(driver)), Arc::unwrap_or_clone(caller))
    };
    if dry_run {
        let plan = api.backend.dry_run(submission).await?;
        return Ok(Json(Found::DryRun(DryRunView::from(&plan))).into_response());
    }
    let backend = api.backend.clone();
    let Submitted { job, known } = to_its_end(async move { backend.submit(submission).await }).await?;
    let (location, view) = ([(LOCATION, format!("/v1/jobs/{}", job.id))], show(&api, &job));
    if known {
        return Ok((location, Json(Found::Job(Box::new(view)))).into_response());
    }
    Ok((StatusCode::CREATED, location, Json(view)).into_response())
}

/// Lists jobs
///
/// Newest first, without their results. All filters that are given must hold.
#[utoipa::path(
    get, path = "/jobs", operation_id = "list_jobs", tag = "jobs", params(Wanted),
    responses((status = 200, description = "One page.", body = PageView), Refusals),
)]
pub(super) async fn list(Reader(caller): Reader, State(api): State<Api>, uri: Uri) -> Result<Response, Problem> {
    let (filter, page) = wanted::read(&uri)?;
    let Some(filter) = within(&caller, filter) else {
        return Ok(Json(PageView { jobs: Vec::new(), next: None }).into_response());
    };
    let limit = page.limit;
    // One more tells whether there is a next page.
    let mut jobs = api.backend.list(filter, Page { limit: limit + 1, ..page }).await?;
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next = jobs.last().filter(|_| more).map(|job| job.id);
    Ok(Json(PageView { jobs: jobs.iter().map(RowView::from).collect(), next }).into_response())
}

/// Shows a job
///
/// With `wait` once it has ended, or as it is after that time.
#[utoipa::path(
    get, path = "/jobs/{id}", operation_id = "get_job", tag = "jobs",
    params(
        ("id" = Uuid, Path, description = "The job's name."),
        ("wait" = Option<u64>, Query, description = "Seconds to wait for its end, at most 60.", maximum = 60),
    ),
    responses((status = 200, description = "The job.", body = JobView), Refusals),
)]
pub(super) async fn get(
    Reader(caller): Reader,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let wait = parameters(&uri, &["wait"])?.pop().map(|(_, seconds)| patience(&seconds)).transpose()?;
    let job = match wait.zip(id.parse().ok()) {
        Some((patience, id)) if api.is_open(id, &caller) => {
            let ended = api.wait(id, patience).await;
            ended.map_err(|failure| Problem::from(failure).about(id))?.ok_or_else(|| none().about(id))?
        }
        _ => seen(&api, &caller, &id).await?,
    };
    Ok(Json(show(&api, &job)).into_response())
}

/// Cancels a job
///
/// One that waits is canceled at once. One that was begun is asked to stop: its remote process is ended, and the job shows
/// how that went when it has ended.
#[utoipa::path(
    post, path = "/jobs/{id}/cancel", operation_id = "cancel_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job's name.")),
    responses((status = 202, description = "The job, canceled or about to be.", body = JobView), Refusals),
)]
pub(super) async fn cancel(
    Canceler(caller): Canceler,
    State(api): State<Api>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let id = seen(&api, &caller, &id).await?.id;
    let about = |failure: Failure| Problem::from(failure).about(id);
    let filter = Filter { id: Some(id), ..Filter::default() };
    let backend = api.backend.clone();
    let cancelled = to_its_end(async move { backend.cancel(filter, &caller).await }).await.map_err(about)?;
    let job = api.backend.get(id).await.map_err(about)?.ok_or_else(|| none().about(id))?;
    if cancelled.ended.is_empty() && cancelled.asked.is_empty() {
        return Err(Problem::from(Error::Over(format!(
            "The job is {} already; there is nothing to cancel.",
            job.state
        )))
        .about(id));
    }
    Ok((StatusCode::ACCEPTED, Json(show(&api, &job))).into_response())
}

/// The jobs that the caller may reach among those that it asks for, or `None` if there can be none.
pub(super) fn within(caller: &Caller, filter: Filter) -> Option<Filter> {
    match &filter.caller {
        Some(owner) if !caller.reaches(owner) => None,
        Some(_) => Some(filter),
        None => Some(Filter { caller: caller.reach(), ..filter }),
    }
}

/// The job of this name. What the caller may not see is not there.
pub(super) async fn seen(api: &Api, caller: &Caller, id: &str) -> Result<Job, Problem> {
    let id: JobId = id.parse().map_err(|_| none())?;
    let job = api.backend.get(id).await.map_err(|failure| Problem::from(failure).about(id))?;
    job.filter(|job| caller.reaches(&job.caller)).ok_or_else(|| none().about(id))
}

fn none() -> Problem {
    let message = "There is no job of this name; ask with the id that the submission answered.";
    Failure::new(ErrorKind::NotFound, Phase::Store, message).into()
}

/// A job as it is shown.
fn show<'a>(api: &Api, job: &'a Job) -> JobView<'a> {
    let waiting_for = if job.state == Standing::Queued { api.backend.waiting_for(job.id) } else { None };
    JobView::new(job, waiting_for)
}
