//! Credentials that are kept elsewhere, so that requests need only name them.
//!
//! [`Credentials`] knows the providers that the operator configured ([`Config`]): files, variables of the environment, and
//! `HashiCorp` Vault. It finds what a [`hostler_model::CredentialRef`] means, for a caller who may use it. Nothing that is found is
//! ever stored or logged; only what comes from Vault is kept, in memory and for seconds.

mod ask;
mod config;
mod credentials;
mod environment;
mod error;
mod failures;
mod fields;
mod file;
mod vault;

pub use config::Config;
pub use credentials::Credentials;
pub use error::Error;
