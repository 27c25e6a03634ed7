//! Errors as the dialect writes them.

use crate::dialect::cause::Cause;
use crate::dialect::fault::{Fault, Faults};
use crate::error::Error;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hostler_model::Problem;
use serde_json::{Value, json};

/// Why a request has no result.
pub(in crate::dialect) enum Refused {
    /// What the other dialects refuse as well.
    Cause(Cause),
    /// What does not fit, in a body that `NetPulse` reads by hand, and tells in one text.
    MisfitInWords(Faults),
    /// There is no such thing: 404.
    Missing(String),
}

impl<C> From<C> for Refused
where
    Cause: From<C>,
{
    fn from(cause: C) -> Self {
        Self::Cause(cause.into())
    }
}

impl Refused {
    /// The same, told as `POST /device/exec` tells it.
    pub(super) fn in_words(self) -> Self {
        if let Self::Cause(Cause::Misfit(faults)) = self { Self::MisfitInWords(faults) } else { self }
    }

    /// The same in one sentence, for an answer that tells of several.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Cause(cause) => cause.sentence(),
            Self::MisfitInWords(faults) => faults.sentence(),
            Self::Missing(sentence) => sentence.clone(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::Cause(Cause::Misfit(Faults(faults))) => (StatusCode::UNPROCESSABLE_ENTITY, json!({"detail": faults})),
            Self::MisfitInWords(Faults(faults)) => {
                let (count, plural) = (faults.len(), if faults.len() == 1 { "" } else { "s" });
                let faults: String = faults.iter().map(Fault::paragraph).collect();
                let detail =
                    format!("Invalid JSON request: {count} validation error{plural} for ExecutionRequest{faults}");
                (StatusCode::UNPROCESSABLE_ENTITY, json!({"detail": detail}))
            }
            Self::Cause(Cause::Wrong(problems)) => (StatusCode::BAD_REQUEST, wrong(&problems)),
            Self::Missing(detail) => (StatusCode::NOT_FOUND, json!({"detail": detail})),
            Self::Cause(Cause::Error(error)) => return answer(error),
        };
        (status, Json(body)).into_response()
    }
}

/// `NetPulse` looked for the host itself, before its driver looked at anything.
fn wrong(problems: &[Problem]) -> Value {
    let no_host = |it: &Problem| it.code == "missing" && it.path == ["connection_args", "host"];
    if problems.iter().any(no_host) {
        return json!({"detail": "'host' in connection_args is required"});
    }
    let problem = |it: &Problem| json!({"type": it.code, "loc": it.path, "msg": it.message, "input": null});
    json!({"detail": "Validation Error", "errors": problems.iter().map(problem).collect::<Vec<_>>()})
}

/// How the dialect writes what is not about the content of a request.
#[expect(clippy::needless_pass_by_value, reason = "it is an `Answer`, and other dialects keep the error")]
pub(in crate::dialect) fn answer(error: Error) -> Response {
    match &error {
        Error::NoPath | Error::NoMethod => {
            error.respond(json!({"detail": error.status().canonical_reason().unwrap_or_default()}))
        }
        Error::Failed(failure) => {
            let (kind, phase) = (&failure.kind, failure.phase);
            error.respond(json!({"detail": failure.message, "kind": kind, "phase": phase}))
        }
        _ => error.respond(json!({"detail": error.to_string()})),
    }
}
