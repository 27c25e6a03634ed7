//! What can go wrong besides a wrong body, and the status code of each. No other file chooses them.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hostler_model::{ErrorKind, Failure};
use serde::Serialize;

/// How a dialect writes an error.
pub(crate) type Answer = fn(Error) -> Response;

/// How long a client is asked to wait when there is no room for its job, and nobody knows for how long.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Why a request has no result, told to the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("Invalid or missing API key.")]
    NoKey,
    #[error("There is nothing at this path.")]
    NoPath,
    #[error("This path does not know the method; the header Allow names those it does.")]
    NoMethod,
    #[error("The body is larger than {limit} bytes; send less.")]
    TooLarge { limit: usize },
    #[error("{0}")]
    FileTooLarge(String),
    #[error("The body did not arrive in time; send it faster.")]
    SlowBody,
    #[error("The body ended too early; send it whole.")]
    BrokenBody,
    #[error("The daemon failed; its log says where.")]
    Panicked,
    #[error("{0}")]
    Over(String),
    #[error("{}", .0.message)]
    Failed(Box<Failure>),
}

impl Error {
    /// The status code (RFC 9110 section 15).
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoKey => StatusCode::FORBIDDEN,
            Self::NoPath => StatusCode::NOT_FOUND,
            Self::NoMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } | Self::FileTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenBody => StatusCode::BAD_REQUEST,
            Self::Over(_) => StatusCode::CONFLICT,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Failed(failure) => match &failure.kind {
                ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::BadPlugin => {
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                ErrorKind::BadCredential => StatusCode::BAD_REQUEST,
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                ErrorKind::Denied => StatusCode::FORBIDDEN,
                ErrorKind::Busy | ErrorKind::PluginUnavailable => StatusCode::SERVICE_UNAVAILABLE,
                ErrorKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
                ErrorKind::Timeout | ErrorKind::Expired => StatusCode::GATEWAY_TIMEOUT,
                ErrorKind::Canceled | ErrorKind::InUse | ErrorKind::IdempotencyConflict => StatusCode::CONFLICT,
                ErrorKind::Lost | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
                // The daemon works, but what stands behind it does not: a plugin or a server.
                ErrorKind::Limit
                | ErrorKind::Trap
                | ErrorKind::InvalidOutput
                | ErrorKind::UnknownHost
                | ErrorKind::Refused
                | ErrorKind::Unreachable
                | ErrorKind::HostKeyChanged
                | ErrorKind::HostKeyUnknown
                | ErrorKind::HostKeyRevoked
                | ErrorKind::CredentialUnavailable
                | ErrorKind::AuthFailed
                | ErrorKind::BadKey
                | ErrorKind::Protocol
                | ErrorKind::ConnectionLost
                | ErrorKind::Closed
                | ErrorKind::ExecRefused
                | ErrorKind::ElevationFailed
                | ErrorKind::PermissionDenied
                | ErrorKind::TransferFailed
                | ErrorKind::Other(_) => StatusCode::BAD_GATEWAY,
            },
        }
    }

    /// The answer with a body that a dialect wrote.
    pub(crate) fn respond(&self, body: impl Serialize) -> Response {
        let mut response = (self.status(), Json(body)).into_response();
        if matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            let seconds = match self {
                Self::Failed(failure) => failure.retry_after.map(|time| time.as_secs().into()),
                _ => None,
            };
            response.headers_mut().insert(RETRY_AFTER, seconds.unwrap_or(RETRY_AFTER_SECONDS));
        }
        response
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        if let Some(detail) = &failure.detail {
            tracing::warn!(kind = %failure.kind, phase = %failure.phase, detail, "{}", failure.message);
        }
        Self::Failed(Box::new(failure))
    }
}
