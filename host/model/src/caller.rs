//! Who asks.

use crate::{ErrorKind, Failure, Phase};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use utoipa::ToSchema;

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
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

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Somebody who presented an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Caller {
    /// The name that the operator gave the key.
    pub name: String,
    /// What it may do.
    #[schema(value_type = Vec<Scope>)]
    pub scopes: BTreeSet<Scope>,
    /// Drivers that it may use, as patterns with `*` and `?`; absent: all.
    #[serde(default)]
    pub drivers: Option<Vec<String>>,
    /// Hosts that its jobs may have as target or jump host, in the syntax of grants: names with `*` and `?`, addresses,
    /// ranges; absent: all. Nothing is looked up when a job is submitted, so a range holds for literal addresses only.
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

    /// Fails with kind `denied` unless it may do something of this sort.
    pub fn must(&self, scope: Scope) -> Result<(), Failure> {
        if self.may(scope) {
            return Ok(());
        }
        let message = format!("The API key `{}` lacks the scope `{scope}`; use one that has it.", self.name);
        Err(Failure::new(ErrorKind::Denied, Phase::Policy, message))
    }

    /// Whether it may see, or cancel, what this caller submitted.
    pub fn reaches(&self, owner: &str) -> bool {
        self.name == owner || self.may(Scope::All)
    }

    /// Whose jobs it may see and cancel: its own, or with `None` everybody's.
    pub fn reach(&self) -> Option<String> {
        (!self.may(Scope::All)).then(|| self.name.clone())
    }
}
