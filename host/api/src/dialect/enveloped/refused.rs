//! Errors as the dialects write them.

use crate::dialect::cause::Cause;
use crate::dialect::fault::Faults;
use crate::error::Error;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hostler_model::Problem;
use serde::Serialize;
use serde_json::{Value, json};

/// Why a request has no result.
pub(in crate::dialect) struct Refused(Cause);

impl<C> From<C> for Refused
where
    Cause: From<C>,
{
    fn from(cause: C) -> Self {
        Self(cause.into())
    }
}

impl Refused {
    /// The same in words, for an answer that tells of several.
    pub(super) fn sentence(&self) -> String {
        self.0.sentence()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self.0 {
            Cause::Misfit(Faults(faults)) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"detail": faults}))).into_response()
            }
            Cause::Wrong(problems) => (StatusCode::BAD_REQUEST, Json(wrong(&problems))).into_response(),
            Cause::Error(error) => answer(error),
        }
    }
}

/// The envelope of an error: `code` is -1 whatever the status code is.
#[derive(Serialize)]
struct Envelope {
    code: i8,
    message: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    data: Value,
}

impl Envelope {
    fn new(message: impl Into<String>, data: Value) -> Self {
        Self { code: -1, message: message.into(), data }
    }
}

/// What Python would have told by a `ValueError`.
pub(in crate::dialect) fn value_error(status: StatusCode, message: String) -> Response {
    (status, Json(Envelope::new("Value Error", message.into()))).into_response()
}

/// `NetPulse` looked for the host itself, before its driver looked at anything.
fn wrong(problems: &[Problem]) -> Envelope {
    match problems {
        [only] if only.code == "missing" && only.path == ["connection_args", "host"] => {
            Envelope::new("Value Error", "host is None: give connection_args.host".into())
        }
        _ => {
            let problem = |it: &Problem| json!({"type": it.code, "loc": it.path, "msg": it.message, "input": null});
            Envelope::new("Validation Error", problems.iter().map(problem).collect())
        }
    }
}

/// How the dialect writes what is not about the content of a request.
#[expect(clippy::needless_pass_by_value, reason = "it is an `Answer`, and other dialects keep the error")]
pub(in crate::dialect) fn answer(error: Error) -> Response {
    let title = error.status().canonical_reason().unwrap_or_default();
    match &error {
        Error::NoKey => error.respond(Envelope::new(error.to_string(), Value::Null)),
        Error::NoPath | Error::NoMethod => error.respond(json!({"detail": title})),
        Error::Failed(failure) => error.respond(Envelope::new(title, json!(failure))),
        _ => error.respond(Envelope::new(title, error.to_string().into())),
    }
}
