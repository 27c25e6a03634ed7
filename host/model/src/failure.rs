//! How something went wrong: kind, phase, and two sentences.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use utoipa::ToSchema;

/// What sort of failure it was. The words are stable: they are metrics labels, codes that plugins
/// see, and part of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The request itself is wrong.
    InvalidRequest,
    /// A parameter exists but cannot be served yet.
    Unsupported,
    /// A policy or a grant said no.
    Denied,
    /// No such driver, plugin, job or file.
    NotFound,
    /// The host name does not resolve.
    UnknownHost,
    /// Nobody listens at that port.
    Refused,
    /// The network does not reach the host.
    Unreachable,
    /// A deadline passed.
    Timeout,
    /// The server presented a key that differs from the recorded one.
    HostKeyChanged,
    /// The server's key is not known and must be.
    HostKeyUnknown,
    /// The server's key was revoked.
    HostKeyRevoked,
    /// The credential that the request names is not there, or not as it asks.
    BadCredential,
    /// What keeps credentials fails.
    CredentialUnavailable,
    /// The server accepted none of the credentials.
    AuthFailed,
    /// A private key cannot be read: format, type or passphrase.
    BadKey,
    /// The two sides have no algorithm in common, or the server broke the protocol.
    Protocol,
    /// The connection ended before the work did.
    ConnectionLost,
    /// The server ended the interactive session.
    Closed,
    /// The server refused to start the command.
    ExecRefused,
    /// sudo did not give the rights that were asked.
    ElevationFailed,
    /// The server does not let the user who logged in do that with a file.
    PermissionDenied,
    /// The server could not do what was asked with a file.
    TransferFailed,
    /// A limit of the plugin was reached: memory, CPU, handles, bytes, output.
    Limit,
    /// The plugin trapped.
    Trap,
    /// The plugin answered with something that makes no sense.
    InvalidOutput,
    /// The plugin cannot be loaded.
    BadPlugin,
    /// The plugin failed too often, and is not called for a while.
    PluginUnavailable,
    /// The same idempotency key came with another request before.
    IdempotencyConflict,
    /// It is used, so it cannot be changed.
    InUse,
    /// There is no room for one more job now.
    Busy,
    /// The plugin has its hands full now.
    Throttled,
    /// The job waited in the queue for longer than its `ttl`.
    Expired,
    /// The daemon ended while it held the job.
    Lost,
    /// Somebody cancelled the job.
    Canceled,
    /// The daemon itself failed.
    Internal,
    /// A kind that a plugin named and the host does not know.
    #[serde(untagged)]
    Other(String),
}

impl ErrorKind {
    /// The word under which it is counted. What plugins name themselves is one kind here: there may be any number of them.
    pub fn label(&self) -> String {
        if matches!(self, Self::Other(_)) { "other".into() } else { self.to_string() }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl From<&str> for ErrorKind {
    fn from(word: &str) -> Self {
        let word = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(word);
        Self::deserialize(word).unwrap_or(Self::Internal)
    }
}

/// Where in a job's life the failure happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Reading and checking the request.
    Validate,
    /// Asking the policies.
    Policy,
    /// Name look-up, TCP, key exchange.
    Connect,
    /// Checking the server's key.
    HostKey,
    /// Logging in.
    Auth,
    /// Running a command.
    Exec,
    /// Moving a file.
    Transfer,
    /// Inside a plugin.
    Plugin,
    /// Keeping the job.
    Store,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl From<&str> for Phase {
    fn from(word: &str) -> Self {
        let word = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(word);
        Self::deserialize(word).unwrap_or(Self::Plugin)
    }
}

/// A failure as it is kept and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// What sort.
    #[schema(value_type = String, example = "auth-failed")]
    pub kind: ErrorKind,
    /// Where.
    pub phase: Phase,
    /// For the client: one sentence that tells the person what to do.
    pub message: String,
    /// For the log: what the host knows beyond that. Never sent to a client, never stored.
    #[serde(skip)]
    pub detail: Option<String>,
    /// For the client, where it is known: when it may ask again. Never stored.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure with its sentence for the client.
    pub fn new(kind: ErrorKind, phase: Phase, message: impl Into<String>) -> Self {
        Self { kind, phase, message: message.into(), detail: None, retry_after: None }
    }

    /// The same, with words for the log only.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// The same, with the time after which the client may ask again.
    #[must_use]
    pub fn with_retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} in phase {})", self.message, self.kind, self.phase)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_phases_are_kebab_words_both_ways() {
        assert_eq!(ErrorKind::HostKeyChanged.to_string(), "host-key-changed");
        assert_eq!(ErrorKind::from("host-key-changed"), ErrorKind::HostKeyChanged);
        assert_eq!(ErrorKind::from("appliance-busy"), ErrorKind::Other("appliance-busy".into()));
        assert_eq!(Phase::HostKey.to_string(), "host-key");
        assert_eq!(Phase::from("exec"), Phase::Exec);
    }
}
