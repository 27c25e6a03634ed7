//! A key of a server, as the daemon has it on record.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line of the file of host keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostKey {
    /// Counted from 1.
    pub line: usize,
    /// `cert-authority` or `revoked`; absent for a plain key.
    pub marker: Option<String>,
    /// Names and patterns of the servers. Empty where they are hashed.
    pub hosts: Vec<String>,
    /// Whether the name can only be checked, not read.
    pub hashed: bool,
    /// `ssh-ed25519` and so on.
    #[serde(rename = "type")]
    pub algorithm: String,
    /// As `ssh-keygen -l` shows it.
    pub fingerprint: String,
}
