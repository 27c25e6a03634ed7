//! The terms on which a plugin serves: what it may do, what it may use up, and what it did use up.

use crate::breaker::Breaker;
use crate::grant::Capability;
use crate::manifest::{Manifest, WorldName};
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
    pub(crate) breaker: Breaker,
    /// Validations that may go on at once.
    validations: Semaphore,
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
            breaker: Breaker::new(config.breaker.clone()),
            validations: Semaphore::new(limits.concurrency),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn a_driver_whose_validations_take_their_time_turns_others_away() {
        let text = "name = \"x\"\nversion = \"1\"\nworld = \"driver\"\napi = \"0.1\"\n";
        let manifest = Manifest::of(b"\0asm\x0d\0\x01\0", Some(text)).expect("a manifest");
        let own = json!({"limits": {"concurrency": 1, "call_ms": 1}});
        let plugin = [("x".to_owned(), serde_json::from_value(own).expect("limits"))].into();
        let terms = Terms::new(&Config { plugin, ..Config::default() }, &manifest, &[]).expect("terms");
        let first = terms.validation().await.expect("a turn");
        let refused = terms.validation().await.map(drop).expect_err("it is taken");
        assert_eq!((refused.kind, refused.phase), (ErrorKind::Throttled, Phase::Plugin));
        drop(first);
        assert!(terms.validation().await.is_ok());
    }
}
