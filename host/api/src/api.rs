//! The whole HTTP interface.

use crate::key::Key;
use crate::{Backend, Config, access_log, dialect, native, openapi};
use axum::Router;
use axum::middleware::from_fn;
use hostler_model::Secret;
use hostler_remote::HostKeys;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The whole HTTP interface: what it answers from, and who may ask. Clones are the same one.
#[derive(Clone)]
pub struct Api {
    pub(crate) config: Config,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) host_keys: HostKeys,
    pub(crate) key: Key,
    /// Places for clients that follow jobs.
    pub(crate) followers: Arc<Semaphore>,
    /// Cancelled when the daemon shuts down: from then on nobody waits for a job.
    pub(crate) closing: CancellationToken,
}

impl Api {
    /// An interface to `backend` and `host_keys` for everybody who presents `key`. With an empty key it admits nobody.
    #[expect(clippy::needless_pass_by_value, reason = "the caller is to keep no second copy of the key")]
    pub fn new(config: Config, backend: impl Backend, host_keys: HostKeys, key: Secret) -> Self {
        let (backend, key) = (Arc::new(backend), Key::new(key.expose()));
        let followers = Arc::new(Semaphore::new(config.max_followers.into()));
        Self { config, backend, host_keys, key, followers, closing: CancellationToken::new() }
    }

    /// All routes.
    pub fn router(&self) -> Router {
        let (native, description) = native::router(self);
        // Without a prefix the paths are those of dialect 0.2, and so are the errors.
        Router::new()
            .merge(dialect::v0_2::router(self))
            .nest("/v0.2", dialect::v0_2::router(self))
            .nest("/v1", native)
            .merge(openapi::router(openapi::document(description)))
            .layer(from_fn(access_log::log))
    }
}
