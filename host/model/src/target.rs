//! The server a job is for, and the way to it.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The server a job is for, as its driver read it from the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Target {
    /// A name or a literal address, as the user gave it.
    pub host: String,
    /// The TCP port of the SSH server.
    pub port: u16,
    /// The login name.
    pub user: String,
    /// Jump hosts on the way, the one that is dialled first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jumps: Vec<Hop>,
}

/// A jump host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Hop {
    /// A name or a literal address, as the user gave it.
    pub host: String,
    /// The TCP port of the SSH server.
    pub port: u16,
    /// The login name.
    pub user: String,
}

impl Target {
    /// The jump host number `index` as a target of its own, reached through those before it.
    pub fn jump(&self, index: usize) -> Option<Self> {
        let Hop { host, port, user } = self.jumps.get(index)?.clone();
        Some(Self { host, port, user, jumps: self.jumps[..index].to_vec() })
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.port)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.port)?;
        for (index, hop) in self.jumps.iter().enumerate() {
            write!(f, "{} {hop}", if index == 0 { " via" } else { "," })?;
        }
        Ok(())
    }
}
