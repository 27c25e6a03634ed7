//! Who asks.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Submit jobs.
    Submit,
    /// See its own jobs.
    Read,
    /// Cancel its own jobs.
    Cancel,
    /// What it may see and cancel is not only its own, but everybody's.
    All,
    /// Everything: keys, plugins, host keys, audit.
    Admin,
}

/// Somebody who presented an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The name that the operator gave the key.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Drivers that it may use, as patterns with `*` and `?`; absent: all.
    #[serde(default)]
    pub drivers: Option<Vec<String>>,
    /// Hosts that its jobs may have as target, in the syntax of grants: names with `*` and `?`, addresses, ranges;
    /// absent: all.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
}

impl Caller {
    /// Who has the key that the daemon was started with: may do everything.
    pub const OPERATOR: &str = "operator";

    /// The operator.
    pub fn operator() -> Self {
        Self { name: Self::OPERATOR.into(), scopes: [Scope::Admin].into(), drivers: None, hosts: None }
    }

    /// Whether it may do something of this sort. An admin may do everything.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Whether it may see, or cancel, what this caller submitted.
    pub fn reaches(&self, owner: &str) -> bool {
        self.name == owner || self.may(Scope::All)
    }
}
