//! How a request fails: the server says no, or nobody can say anything any more.

use super::packet::take_string;
use bytes::{Buf, Bytes, TryGetError};
use hostler_model::Failure;
use std::fmt;

/// Why a request was not done.
#[derive(Clone, Debug)]
pub(crate) enum Error {
    /// The server said so.
    Status(Status),
    /// It was not sent, or its answer will never come: this client is at its end.
    Broken(Failure),
}

/// What a server says when it is done, or cannot do it (draft-ietf-secsh-filexfer-02 section 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: StatusCode,
    /// The server's words, for the log.
    pub(crate) message: String,
}

/// The sort of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusCode {
    Ok,
    Eof,
    NoSuchFile,
    PermissionDenied,
    Failure,
    BadMessage,
    NoConnection,
    ConnectionLost,
    OpUnsupported,
    /// One that version 3 does not have.
    Other(u32),
}

impl From<u32> for StatusCode {
    fn from(code: u32) -> Self {
        match code {
            0 => Self::Ok,
            1 => Self::Eof,
            2 => Self::NoSuchFile,
            3 => Self::PermissionDenied,
            4 => Self::Failure,
            5 => Self::BadMessage,
            6 => Self::NoConnection,
            7 => Self::ConnectionLost,
            8 => Self::OpUnsupported,
            other => Self::Other(other),
        }
    }
}

impl Status {
    pub(super) fn take(packet: &mut Bytes) -> Result<Self, Nonsense> {
        let code = packet.try_get_u32()?.into();
        // Old servers leave the words out.
        let message = if packet.is_empty() { Bytes::new() } else { take_string(packet)? };
        Ok(Self { code, message: String::from_utf8_lossy(&message).into_owned() })
    }
}

/// What came does not follow the protocol. In words for the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Nonsense(pub(super) &'static str);

impl fmt::Display for Nonsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl From<TryGetError> for Nonsense {
    fn from(_: TryGetError) -> Self {
        Self("a packet that is too short")
    }
}
