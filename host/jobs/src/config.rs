//! What the operator says about jobs.

use crate::dispatcher::Dispatcher;
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::retention::{self, Retention};
use crate::store::{Owner, Recovered, Store};
use crate::supervisor::supervise;
use crate::{Error, Filter, Jobs, Ledger, Page, Webhooks, clock, trail};
use hostler_credentials::Credentials;
use hostler_model::{Failure, JobId};
use hostler_plugins::Plugins;
use serde::Deserialize;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// The section `[jobs]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many jobs are carried out at once.
    pub max_running: NonZeroU32,
    /// How many jobs are carried out at once at one host and port.
    pub max_running_per_target: Option<NonZeroU32>,
    /// How many at once go through one jump host; absent: as many as there are.
    pub max_running_per_jump_host: Option<NonZeroU32>,
    /// How many jobs of one caller are carried out at once; absent: as many as there are.
    pub max_running_per_caller: Option<NonZeroU32>,
    /// How many jobs may wait; beyond it a new one is refused with kind `busy`.
    pub max_queued: NonZeroU32,
    /// How many bytes the requests of jobs that wait may have; beyond it a new one is refused with kind `busy`.
    pub max_queued_bytes: NonZeroU64,
    /// How long a job may wait if it does not say, in seconds.
    pub default_ttl: u32,
    /// How many bytes of output and progress the log of a job takes; then it is cut. Results keep the head and tail of theirs.
    pub max_log_bytes: u64,
    /// How long running jobs may go on when the daemon is asked to end, in seconds.
    pub drain_timeout: u32,
    /// How long an ended job is kept if it did not say, in seconds.
    pub keep_finished: u64,
    /// How many ended jobs are kept; beyond it the oldest go.
    pub keep_count: u64,
    /// How many bytes the database may have, but for the audit; beyond it the oldest ended jobs go.
    pub keep_bytes: u64,
    /// How long decisions are kept, in seconds.
    pub keep_audit: u64,
    /// How many bytes of them; beyond it the oldest go.
    pub keep_audit_bytes: u64,
    /// How long the daemon remembers which submission had an idempotency key, in seconds.
    pub idempotency_window: u64,
    /// A file of at least 32 random bytes to seal secrets with, instead of `secrets.key` in the data directory.
    pub secrets_key_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_running: NonZeroU32::new(64).expect("not zero"),
            // One server that hangs leaves places for all others.
            max_running_per_target: NonZeroU32::new(32),
            max_running_per_jump_host: None,
            max_running_per_caller: None,
            max_queued: NonZeroU32::new(10_000).expect("not zero"),
            max_queued_bytes: NonZeroU64::new(256 << 20).expect("not zero"),
            default_ttl: 300,
            max_log_bytes: 16 << 20,
            drain_timeout: 30,
            keep_finished: 30 * DAY,
            keep_count: 100_000,
            keep_bytes: 2 << 30,
            keep_audit: 365 * DAY,
            keep_audit_bytes: 1 << 30,
            idempotency_window: DAY,
            secrets_key_file: None,
        }
    }
}

impl Config {
    /// Takes over the jobs that an earlier run left open in the ledger, and starts to carry out jobs on the current
    /// tokio runtime.
    pub async fn build(
        self,
        ledger: Ledger,
        plugins: Arc<Plugins>,
        webhooks: Arc<Webhooks>,
        credentials: Credentials,
    ) -> Result<Jobs, Error> {
        let Ledger { store, vault, .. } = ledger;
        let owner = Owner::new();
        let Recovered { queued, lost } = store.recover(owner, clock::now()).await.map_err(Error::LeftOver)?;
        if !lost.is_empty() || !queued.is_empty() {
            tracing::warn!(ended = lost.len(), waiting = queued.len(), "an earlier run of the daemon left jobs open");
        }
        let dispatcher = Dispatcher::start(&self, Arc::clone(&store), owner);
        record_ends(&*store, &dispatcher.metrics, lost).await.map_err(Error::LeftOver)?;
        tokio::spawn(retention::keep(Arc::downgrade(&store), owner, Retention::new(&self)));
        let keys = Keys::load(store).await.map_err(Error::Keys)?;
        let jobs = Jobs::new(self, plugins, dispatcher, vault, keys, webhooks, credentials);
        jobs.resume(queued);
        tokio::spawn(supervise(jobs.downgrade()));
        Ok(jobs)
    }

    pub(crate) fn default_ttl(&self) -> Duration {
        Duration::from_secs(self.default_ttl.into())
    }

    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_secs(self.drain_timeout.into())
    }
}

/// Has the audit tell how these jobs ended, and counts them.
async fn record_ends(store: &dyn Store, metrics: &Metrics, ids: Vec<JobId>) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let page = Page { before: None, limit: ids.len(), with_results: false };
    for job in store.list(Filter { ids: Some(ids), ..Filter::default() }, page).await? {
        store.record(&trail::ended(&job), clock::now());
        metrics.count(&job);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{insert_job, queued};
    use crate::store::{JobStore, Sqlite};
    use serde_json::json;

    #[test]
    fn unknown_keys_and_zero_workers_are_refused() {
        assert!(serde_json::from_value::<Config>(json!({"max_runing": 3})).is_err());
        assert!(serde_json::from_value::<Config>(json!({"max_running": 0})).is_err());
        let config: Config = serde_json::from_value(json!({"max_running": 3})).expect("valid");
        assert_eq!((config.max_running.get(), config.max_queued.get(), config.default_ttl), (3, 10_000, 300));
    }

    #[tokio::test]
    async fn jobs_that_the_last_run_lost_are_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Sqlite::open(folder.path()).expect("a store");
        insert_job(&store, &queued("a")).await.expect("insert");
        let recovered = store.recover(Owner::new(), clock::now()).await.expect("recovered");
        let metrics = Metrics::default();
        record_ends(&store, &metrics, recovered.lost).await.expect("it reads");
        assert_eq!(metrics.count_of("failed", "lost"), 1);
    }
}
