//! The opened store, as those see it who only write decisions down.

use crate::store::{Sqlite, Store};
use crate::{Error, clock};
use hostler_model::AuditEntry;
use hostler_plugins::Audit;
use jiff::Timestamp;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use utoipa::ToSchema;

/// The opened store. Plugins are loaded before there are jobs, and what is decided then is written down too.
#[derive(Clone)]
pub struct Ledger(pub(crate) Arc<dyn Store>);

/// A decision and when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Recorded {
    /// When it was written down.
    pub at: Timestamp,
    /// The decision.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

impl Ledger {
    /// Opens the store in `data_dir`, or makes it.
    pub fn open(data_dir: &Path) -> Result<Self, Error> {
        Ok(Self(Arc::new(Sqlite::open(data_dir)?)))
    }
}

impl Audit for Ledger {
    fn record(&self, entry: AuditEntry) {
        self.0.record(&entry, clock::now());
    }
}
