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

    /// Reads what is written by [`fmt::Display`], as lines of the audit have it. `None` if it is something else.
    pub fn read(text: &str) -> Option<Self> {
        let (target, jumps) = match text.split_once(" via ") {
            Some((target, jumps)) => (target, jumps.split(", ").map(Hop::read).collect::<Option<_>>()?),
            None => (text, Vec::new()),
        };
        let Hop { host, port, user } = Hop::read(target)?;
        Some(Self { host, port, user, jumps })
    }
}

impl Hop {
    fn read(text: &str) -> Option<Self> {
        let (user, server) = text.rsplit_once('@')?;
        let (host, port) = server.rsplit_once(':')?;
        Some(Self { host: host.into(), port: port.parse().ok()?, user: user.into() })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_again() {
        let hop = |host: &str, port| Hop { host: host.into(), port, user: "ops".into() };
        let direct = Target { host: "2001:db8::1".into(), port: 22, user: "a@realm".into(), jumps: Vec::new() };
        let far = Target { jumps: vec![hop("gate", 22), hop("10.0.0.1", 2222)], ..direct.clone() };
        for target in [direct, far] {
            assert_eq!(Target::read(&target.to_string()).as_ref(), Some(&target), "{target}");
        }
        assert_eq!([Target::read(""), Target::read("a@b"), Target::read("b:22")], [None, None, None]);
    }
}
