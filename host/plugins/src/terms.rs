//! The terms on which a plugin serves: what it may do, what it may use up, and what it did use up.

use crate::grant::Capability;
use crate::manifest::Manifest;
use crate::manifest::WorldName;
use crate::powers::Powers;
use crate::usage::Usage;
use crate::{Config, Error, Grant, Limits};
use hostler_model::{ErrorKind, Failure, Phase};
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Set when a plugin is loaded; the same for all its instances.
pub(crate) struct Terms {
    pub(crate) name: Arc<str>,
    pub(crate) powers: Powers,
    pub(crate) limits: Limits,
    pub(crate) usage: Usage,
    /// Validations that may go on at once.
    validations: Semaphore,
    /// Jobs that may be carried out at once.
    pub(crate) turns: Arc<Semaphore>,
}

impl Terms {
    /// What the manifest asks for, as far as the operator allows it. `default` is granted where the operator says nothing.
    pub(crate) fn new(config: &Config, manifest: &Manifest, default: &[Grant]) -> Result<Self, Error> {
        let name = &manifest.name;
        let own = config.plugin.get(name).cloned().unwrap_or_default();
        let granted = own.grants.unwrap_or_else(|| default.to_vec());
        let general = match manifest.world {
            WorldName::Driver => &config.driver_limits,
            WorldName::Policy => &config.policy_limits,
        };
        let allowed = general.with(&own.limits).map_err(|reason| Error::Limits(format!("plugin.{name}.{reason}")))?;
        let limits = manifest.limits(&allowed)?;
        Ok(Self {
            name: name.as_str().into(),
            powers: Powers::new(name, manifest.requests.clone(), granted),
            usage: Usage::default(),
            validations: Semaphore::new(limits.concurrency),
            turns: Arc::new(Semaphore::new(limits.concurrency)),
            limits,
        })
    }

    /// A turn to validate. A plugin whose validations take their time must not hold up all others.
    pub(crate) async fn validation(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let turn = tokio::time::timeout(self.limits.call_time(), self.validations.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            let message = format!("driver {} has its hands full; try again", self.name);
            Failure::new(ErrorKind::Throttled, Phase::Plugin, message)
        })
    }

    /// Whether WASI is linked.
    pub(crate) fn wasi(&self) -> bool {
        self.powers.has(Capability::Wasi)
    }
}
