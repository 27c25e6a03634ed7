//! Errors of the native API.

use crate::error::Error;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use hostler_jobs::Rejection;
use hostler_model::{self as model, ErrorKind, Failure, JobId, Phase};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// An error, the job that it is about, if it is about one, and all that is wrong with a request.
pub(super) struct Problem {
    error: Error,
    job: Option<JobId>,
    problems: Vec<model::Problem>,
}

impl Problem {
    /// The same, about a job.
    pub(super) fn about(self, job: JobId) -> Self {
        Self { job: Some(job), ..self }
    }

    /// The document.
    pub(super) fn view(&self) -> ProblemView<'_> {
        let status = self.error.status();
        let (kind, phase) = match &self.error {
            Error::Failed(failure) => (Some(&failure.kind), Some(failure.phase)),
            _ => (None, None),
        };
        ProblemView {
            kind,
            phase,
            job: self.job,
            about: "about:blank",
            title: status.canonical_reason(),
            status: status.as_u16(),
            detail: self.error.to_string(),
            problems: &self.problems,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { error, job: None, problems: Vec::new() }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Error::from(failure).into()
    }
}

impl From<Vec<model::Problem>> for Problem {
    fn from(problems: Vec<model::Problem>) -> Self {
        let message = "Something is wrong with the request: `problems` says what, and where.";
        let failure = Failure::new(ErrorKind::InvalidRequest, Phase::Validate, message);
        Self { problems, ..failure.into() }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Invalid(problems) => problems.into(),
            Rejection::Failed(failure) => failure.into(),
        }
    }
}

/// Why a request has no result (RFC 9457): `kind` and `phase` say more than `type` could.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemView<'a> {
    /// One sentence that says what to do.
    detail: String,
    /// The job that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    job: Option<JobId>,
    /// What sort: a stable word, such as `invalid-request`. Absent where the request came to no job and no plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "invalid-request")]
    kind: Option<&'a ErrorKind>,
    /// Where it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phase: Option<Phase>,
    /// All that is wrong with the request, each with its place.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    problems: &'a [model::Problem],
    /// The status code.
    status: u16,
    /// The words of the status code.
    title: Option<&'static str>,
    /// Always `about:blank`.
    #[serde(rename = "type")]
    about: &'static str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.error.respond(self.view());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// How the native API writes an error.
pub(crate) fn answer(error: Error) -> Response {
    Problem::from(error).into_response()
}

/// What each route may answer instead of a result, for the `OpenAPI` document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the document reads it")]
pub(super) enum Refusals<'a> {
    /// The key is wrong or missing, or does not allow this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemView<'a>),
    /// There is nothing of this name that the key may see.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemView<'a>),
    /// It does not go together with what there is already.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemView<'a>),
    /// Something is wrong with the request.
    #[response(status = 422, content_type = "application/problem+json")]
    Unprocessable(ProblemView<'a>),
    /// Too many requests: the header `Retry-After` says in how many seconds to ask again.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemView<'a>),
    /// The daemon failed; its log says where.
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(ProblemView<'a>),
    /// There is no room now: the header `Retry-After` says in how many seconds to ask again.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(ProblemView<'a>),
}
