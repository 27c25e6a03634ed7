//! What the operator says about jobs.

use crate::dispatcher::Dispatcher;
use crate::retention::{self, Retention};
use crate::store::Owner;
use crate::{Error, Jobs, Ledger, Webhooks, clock};
use hostler_plugins::Plugins;
use serde::Deserialize;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// The section `[jobs]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many jobs are carried out at once.
    pub max_running: NonZeroU32,
    /// How many jobs may wait; beyond it a new one is refused with kind `busy`.
    pub max_queued: NonZeroU32,
    /// How long a job may wait if it does not say, in seconds.
    pub default_ttl: u32,
    /// How long an ended job is kept if it did not say, in seconds.
    pub keep_finished: u64,
    /// How many ended jobs are kept; beyond it the oldest go.
    pub keep_count: u64,
    /// How many bytes the database may have; beyond it the oldest ended jobs go.
    pub keep_bytes: u64,
    /// How long decisions are kept, in seconds.
    pub keep_audit: u64,
    /// How long the daemon remembers which submission had an idempotency key, in seconds.
    pub idempotency_window: u64,
    /// A file of at least 32 random bytes to seal secrets with, instead of `secrets.key` in the data directory.
    pub secrets_key_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_running: NonZeroU32::new(64).expect("not zero"),
            max_queued: NonZeroU32::new(10_000).expect("not zero"),
            default_ttl: 300,
            keep_finished: 30 * DAY,
            keep_count: 100_000,
            keep_bytes: 2 << 30,
            keep_audit: 365 * DAY,
            idempotency_window: DAY,
            secrets_key_file: None,
        }
    }
}

impl Config {
    /// Ends the jobs that an earlier run left open in the ledger, and starts to carry out jobs on the current
    /// tokio runtime.
    pub async fn build(self, ledger: Ledger, plugins: Arc<Plugins>, webhooks: Arc<Webhooks>) -> Result<Jobs, Error> {
        let Ledger { store, vault, .. } = ledger;
        let owner = Owner::new();
        let lost = store.recover(owner, clock::now()).await.map_err(Error::LeftOver)?.lost;
        if !lost.is_empty() {
            tracing::warn!(jobs = lost.len(), "an earlier run of the daemon left jobs open; they failed as lost");
        }
        tokio::spawn(retention::keep(Arc::downgrade(&store), owner, Retention::new(&self)));
        Ok(Jobs::new(&self, plugins, Dispatcher::start(&self, store, owner), vault, webhooks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_keys_and_zero_workers_are_refused() {
        assert!(serde_json::from_value::<Config>(json!({"max_runing": 3})).is_err());
        assert!(serde_json::from_value::<Config>(json!({"max_running": 0})).is_err());
        let config: Config = serde_json::from_value(json!({"max_running": 3})).expect("valid");
        assert_eq!((config.max_running.get(), config.max_queued.get(), config.default_ttl), (3, 10_000, 300));
    }
}
