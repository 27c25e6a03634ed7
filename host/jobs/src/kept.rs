//! What is kept of a job to carry it out after a restart.

/// A sealed request. Only a [`crate::vault::Vault`] opens it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Kept(pub(crate) Vec<u8>);
