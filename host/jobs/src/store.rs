//! What is kept.

mod audit;
mod jobs;
mod keys;
mod sqlite;

#[cfg(test)]
pub(crate) mod conformance;

pub(crate) use audit::AuditStore;
pub(crate) use jobs::JobStore;
pub(crate) use keys::KeyStore;
pub(crate) use sqlite::Sqlite;

/// All that is kept. What is written by one of these is on disk before what is written later by any of them.
pub(crate) trait Store: JobStore + AuditStore + KeyStore {}

impl<S: JobStore + AuditStore + KeyStore> Store for S {}
