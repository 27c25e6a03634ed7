//! What stopped a job, in the words of Python.

use hostler_model::{ErrorKind, Exit, Failure, Phase};
use serde::Serialize;

/// What stopped a job: the name of the exception that `NetPulse` would show, and the truth.
#[derive(Serialize)]
pub(super) struct ErrorView<'a> {
    #[serde(rename = "type")]
    exception: &'static str,
    message: &'a str,
    kind: &'a ErrorKind,
    phase: Phase,
}

impl<'a> From<&'a Failure> for ErrorView<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            exception: exception(&failure.kind),
            message: &failure.message,
            kind: &failure.kind,
            phase: failure.phase,
        }
    }
}

/// The status of a command: -1 where a signal ended it, or where the server did not say how it ended.
pub(super) fn exit_status(exit: &Exit) -> i64 {
    match exit {
        Exit::Status(status) => (*status).into(),
        Exit::Signal(_) | Exit::Unknown => -1,
    }
}

/// The name of the exception of Python, Paramiko or RQ that clients know for a kind of failure.
fn exception(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::BadCredential
        | ErrorKind::Unsupported
        | ErrorKind::NotFound
        | ErrorKind::IdempotencyConflict => "ValueError",
        ErrorKind::Denied | ErrorKind::ElevationFailed | ErrorKind::PermissionDenied => "PermissionError",
        ErrorKind::UnknownHost => "gaierror",
        ErrorKind::Refused | ErrorKind::Unreachable => "NoValidConnectionsError",
        ErrorKind::Timeout => "TimeoutError",
        ErrorKind::HostKeyChanged => "BadHostKeyException",
        ErrorKind::AuthFailed => "AuthenticationException",
        ErrorKind::HostKeyUnknown
        | ErrorKind::HostKeyRevoked
        | ErrorKind::BadKey
        | ErrorKind::Protocol
        | ErrorKind::Closed
        | ErrorKind::ConnectionLost => "SSHException",
        ErrorKind::ExecRefused => "ChannelException",
        ErrorKind::Expired | ErrorKind::Lost => "AbandonedJobError",
        ErrorKind::Canceled => "StopRequested",
        ErrorKind::TransferFailed
        | ErrorKind::CredentialUnavailable
        | ErrorKind::Limit
        | ErrorKind::Throttled
        | ErrorKind::Trap
        | ErrorKind::InvalidOutput
        | ErrorKind::BadPlugin
        | ErrorKind::PluginUnavailable
        | ErrorKind::InUse
        | ErrorKind::Busy
        | ErrorKind::Internal
        | ErrorKind::Other(_) => "RuntimeError",
    }
}
