//! What the operator says about webhooks.

use super::guard::Guard;
use super::{Letter, Webhooks};
use crate::{Error, Ledger};
use serde::Deserialize;
use std::num::NonZeroU32;
use std::sync::Arc;

/// The section `[webhooks]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// Receivers that may have an address which is not public: names with `*` and `?`, addresses, ranges.
    pub allow_private: Vec<String>,
    /// How often a delivery is tried before it is given up.
    pub max_attempts: NonZeroU32,
    /// How long a receiver may take, in seconds.
    pub timeout: NonZeroU32,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            allow_private: Vec::new(),
            max_attempts: NonZeroU32::new(8).expect("not zero"),
            timeout: NonZeroU32::new(10).expect("not zero"),
        }
    }
}

impl WebhookConfig {
    /// Starts to deliver what an earlier run left in the ledger, and what is to come, on the current tokio runtime.
    pub fn build(self, ledger: &Ledger, letter: Arc<dyn Letter>) -> Result<Arc<Webhooks>, Error> {
        let guard = Guard::read(&self.allow_private).map_err(Error::Webhooks)?;
        Ok(Webhooks::start(&self, guard, ledger, letter))
    }
}
