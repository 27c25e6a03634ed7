//! Why a provider cannot be used. What is wrong with a request is a `Failure`.

use std::path::PathBuf;

/// Why a provider cannot be used: its section, and one sentence.
#[derive(Debug, thiserror::Error)]
#[error("`credentials.{provider}`: {why}")]
pub struct Error {
    /// Its name.
    pub(crate) provider: String,
    /// What is wrong.
    pub(crate) why: Why,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Why {
    #[error("`prefix` is empty or begins with HOSTLER_: choose another, such as SSH_")]
    Prefix,
    #[error("`path` {0} is neither a folder nor a file that ends in .toml or .json")]
    Path(PathBuf),
    #[error("`addr` is no http:// or https:// address without user and password")]
    Address,
    #[error("give one of `token`, `token_file`, or `role_id` with `secret_id` or `secret_id_file`")]
    Login,
    #[error("`allowed_paths` has {0:?}, which is no path: write MOUNT/PATH")]
    Allowed(String),
    #[error("`ca_file` {path} cannot be used: {source}")]
    Authority { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("HTTPS cannot be spoken: {0}")]
    Client(reqwest::Error),
}
