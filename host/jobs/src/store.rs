//! What is kept.

mod audit;
mod batches;
mod jobs;
mod sqlite;

#[cfg(test)]
pub(crate) mod conformance;

pub(crate) use audit::AuditStore;
pub(crate) use batches::BatchStore;
pub(crate) use jobs::{Arrival, Inserted, JobStore, Owner, Recovered, Waiting};
pub(crate) use sqlite::Sqlite;

/// All that is kept. What is written by one of these is on disk before what is written later by any of them.
pub(crate) trait Store: JobStore + BatchStore + AuditStore {}

impl<S: JobStore + BatchStore + AuditStore> Store for S {}
