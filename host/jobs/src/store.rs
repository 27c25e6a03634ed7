//! What is kept.

mod audit;
mod batches;
mod events;
mod jobs;
mod keys;
mod retention;
mod sqlite;
pub(crate) mod tasks;
mod webhooks;

#[cfg(test)]
pub(crate) mod conformance;

pub(crate) use audit::AuditStore;
pub(crate) use batches::BatchStore;
pub(crate) use events::EventStore;
pub(crate) use jobs::{Arrival, Inserted, JobStore, Owner, Recovered, Waiting};
pub(crate) use keys::KeyStore;
pub(crate) use retention::RetentionStore;
pub(crate) use sqlite::Sqlite;
pub(crate) use tasks::{KeptTask, Piece, Sight, TaskStore, Telling};
pub(crate) use webhooks::{Busy, Due, Verdict, Watch, WebhookStore};

/// All that is kept. What is written by one of these is on disk before what is written later by any of them.
pub(crate) trait Store:
    JobStore + BatchStore + EventStore + KeyStore + AuditStore + RetentionStore + TaskStore + WebhookStore
{
}

impl<S: JobStore + BatchStore + EventStore + KeyStore + AuditStore + RetentionStore + TaskStore + WebhookStore> Store
    for S
{
}
