//! How long things are kept, and who sees to it.

use crate::store::{Owner, Store};
use crate::{Config, clock};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often the store hears that the daemon lives.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How many heartbeats there are between two sweeps.
const SWEEP_EVERY: u32 = 6;

/// How long, and how much, is kept. A job that has not ended is always kept, and so is one that a webhook tells of, until
/// that was tried once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// How long a job is kept after its end, if it did not say.
    pub(crate) finished: Duration,
    /// How many ended jobs are kept.
    pub(crate) count: u64,
    /// How many bytes the database may have, but for the audit, before ended jobs go.
    pub(crate) bytes: u64,
    /// How long decisions are kept.
    pub(crate) audit: Duration,
    /// How many bytes of them.
    pub(crate) audit_bytes: u64,
    /// How long the names are kept that callers gave their submissions.
    pub(crate) idempotency: Duration,
}

impl Retention {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            finished: Duration::from_secs(config.keep_finished),
            count: config.keep_count,
            bytes: config.keep_bytes,
            audit: Duration::from_secs(config.keep_audit),
            audit_bytes: config.keep_audit_bytes,
            idempotency: Duration::from_secs(config.idempotency_window),
        }
    }
}

/// Sweeps the store now and each minute, and tells it in between that the daemon lives, as long as there is a store.
pub(crate) async fn keep(store: Weak<dyn Store>, owner: Owner, retention: Retention) {
    let mut beats = interval(HEARTBEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for beat in (0..SWEEP_EVERY).cycle() {
        beats.tick().await;
        let Some(store) = store.upgrade() else { return };
        store.seen(owner, clock::now());
        if beat == 0 {
            sweep(store, retention).await;
        }
    }
}

/// Sweeps in steps, so that whoever writes waits for one step at most.
async fn sweep(store: Arc<dyn Store>, retention: Retention) {
    loop {
        match store.sweep(retention, clock::now()).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(failure) => {
                tracing::error!(
                    detail = failure.detail,
                    "old jobs could not be removed; it is tried again in a minute"
                );
                return;
            }
        }
    }
}
