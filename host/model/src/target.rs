//! The server a job is for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The server a job is for, as its driver read it from the request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// A name or a literal address, as the user gave it.
    pub host: String,
    /// The TCP port of the SSH server.
    pub port: u16,
    /// The login name.
    pub user: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.port)
    }
}
