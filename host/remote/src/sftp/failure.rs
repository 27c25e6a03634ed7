//! What goes wrong with files, in our words.

use super::error::{Status, StatusCode};
use hostler_model::{ErrorKind, Failure, Phase};
use std::time::Duration;

/// Time for each operation, and for the start.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What to do where the server says nothing that makes sense, or nothing any more.
const NONSENSE: &str = "The server's SFTP program broke off, or something else spoke for it: check \
                                   `Subsystem sftp` of sshd, and that the user's shell prints nothing when it starts.";

/// What the server said no with, in words for whoever asked as `user`.
pub(crate) fn refusal(user: &str, path: &str, status: &Status) -> Failure {
    let (kind, message) = match status.code {
        StatusCode::NoSuchFile => {
            (ErrorKind::NotFound, format!("There is no `{path}` on the server: check the path and its folders."))
        }
        StatusCode::PermissionDenied => (
            ErrorKind::PermissionDenied,
            format!(
                "The server does not let `{user}` do that with `{path}`: check owner and mode, also of its folders."
            ),
        ),
        StatusCode::OpUnsupported => {
            (ErrorKind::Unsupported, format!("The server's SFTP program cannot do that with `{path}`."))
        }
        // What OpenSSH makes of EINVAL and ENAMETOOLONG.
        StatusCode::BadMessage => (
            ErrorKind::InvalidRequest,
            format!("The server cannot make sense of that for `{path}`: a name may be too long, or an offset too big."),
        ),
        StatusCode::Ok | StatusCode::NoConnection | StatusCode::ConnectionLost => {
            (ErrorKind::Protocol, NONSENSE.to_owned())
        }
        StatusCode::Eof | StatusCode::Failure | StatusCode::Other(_) => (
            ErrorKind::TransferFailed,
            format!(
                "The server could not do that with `{path}`: it may exist already, be a folder or none, hold \
                 something, or the disk may be full."
            ),
        ),
    };
    failure(kind, message).with_detail(&status.message)
}

/// The time is up.
pub(crate) fn late() -> Failure {
    let seconds = PATIENCE.as_secs();
    let message = format!("The server did not finish this with its files within {seconds} seconds: check its load.");
    failure(ErrorKind::Timeout, message)
}

/// The server says nothing that makes sense, or nothing any more.
pub(crate) fn nonsense() -> Failure {
    failure(ErrorKind::Protocol, NONSENSE)
}

/// More is asked than the server takes.
pub(super) fn too_much() -> Failure {
    let message = "The server takes what is to be done with its files too slowly: do less of it at once.";
    failure(ErrorKind::Limit, message)
}

pub(crate) fn failure(kind: ErrorKind, message: impl Into<String>) -> Failure {
    Failure::new(kind, Phase::Transfer, message)
}
