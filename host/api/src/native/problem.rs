//! Errors of the native API.

use crate::error::Error;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use hostler_model::{Failure, JobId};
use serde_json::{Map, Value, json};

/// An error, and the job that it is about, if it is about one.
pub(super) struct Problem {
    error: Error,
    job: Option<JobId>,
}

impl Problem {
    /// The same, about a job.
    pub(super) fn about(self, job: JobId) -> Self {
        Self { job: Some(job), ..self }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { error, job: None }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Error::from(failure).into()
    }
}

impl IntoResponse for Problem {
    /// A problem document (RFC 9457): `kind` and `phase` say more than `type` could, so that is `about:blank`.
    fn into_response(self) -> Response {
        let status = self.error.status();
        let mut document = Map::new();
        document.insert("type".into(), "about:blank".into());
        document.insert("title".into(), status.canonical_reason().into());
        document.insert("status".into(), status.as_u16().into());
        document.insert("detail".into(), self.error.to_string().into());
        if let Error::Failed(Failure { kind, phase, .. }) = &self.error {
            document.insert("kind".into(), json!(kind));
            document.insert("phase".into(), json!(phase));
        }
        if let Some(job) = self.job {
            document.insert("job".into(), json!(job));
        }
        let mut response = self.error.respond(Value::Object(document));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// How the native API writes an error.
pub(crate) fn answer(error: Error) -> Response {
    Problem::from(error).into_response()
}
