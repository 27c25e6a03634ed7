//! Credentials that are kept elsewhere.

use crate::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where a credential is kept, so that a request need not hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRef {
    /// The provider, as the operator named it. Absent: the only one, or the one that is the default.
    pub provider: Option<String>,
    /// What the provider knows the credential by.
    pub reference: String,
    /// The rest of what was asked (`mount`, `version`, `namespace`, `field_mapping`), for the provider to judge.
    pub arguments: Map<String, Value>,
}

/// What a provider has for a reference: fields of `connection_args` by name, such as `username` and `password`.
pub type Resolved = BTreeMap<String, Secret>;
