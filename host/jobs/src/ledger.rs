//! The opened store, as those see it who only write the audit.

use crate::store::{Sqlite, Store};
use crate::vault::Vault;
use crate::{Config, Error, clock};
use hostler_model::{AuditEntry, AuditEvent, JobId};
use hostler_plugins::Audit;
use jiff::Timestamp;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use utoipa::ToSchema;

/// The opened store. Plugins are loaded before there are jobs, and what is decided then is written down too.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) commits: Histogram,
}

/// A line of the audit, and when it was written.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Recorded {
    /// Its number: later ones are greater.
    pub id: i64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

/// Which lines of the audit are meant. All that are set must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditFilter {
    /// Those about this job.
    pub job: Option<JobId>,
    /// Those of this caller.
    pub caller: Option<String>,
    /// Those of this sort.
    pub event: Option<AuditEvent>,
    /// Those written before the one of this number.
    pub before: Option<i64>,
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
