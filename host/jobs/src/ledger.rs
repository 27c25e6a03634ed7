//! The opened store, as those see it who only write decisions down.

use crate::store::{Sqlite, Store};
use crate::vault::Vault;
use crate::{Config, Error, clock};
use hostler_model::AuditEntry;
use hostler_plugins::Audit;
use jiff::Timestamp;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// The opened store. Plugins are loaded before there are jobs, and what is decided then is written down too.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) commits: Histogram,
}

/// A decision and when it was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recorded {
    /// When it was written down.
    pub at: Timestamp,
    /// The decision.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

impl Ledger {
    /// Opens the store in `data_dir`, or makes it, and takes the key that seals what is secret in it.
    pub fn open(data_dir: &Path, config: &Config) -> Result<Self, Error> {
        let store = Sqlite::open(data_dir)?;
        let vault = Arc::new(Vault::unlock(data_dir, config.secrets_key_file.as_deref())?);
        Ok(Self { commits: store.commits(), store: Arc::new(store), vault })
    }

    /// Has commits of the store counted.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_with_unit("store_commit", "Time of a commit", Unit::Seconds, self.commits.clone());
    }
}

impl Audit for Ledger {
    fn record(&self, entry: AuditEntry) {
        self.store.record(&entry, clock::now());
    }
}
