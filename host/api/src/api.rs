//! The whole HTTP interface.

use crate::key::Key;
use crate::metrics::Metrics;
use crate::{Backend, Config, access_log, dialect, native, operations};
use axum::Router;
use axum::middleware::from_fn_with_state;
use hostler_model::Secret;
use hostler_remote::HostKeys;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The whole HTTP interface: what it answers from, and who may ask. Clones are the same one.
#[derive(Clone)]
pub struct Api {
    pub(crate) config: Config,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) host_keys: HostKeys,
    pub(crate) key: Key,
    pub(crate) metrics: Metrics,
    pub(crate) registry: Arc<Registry>,
    /// Cancelled when the daemon shuts down: from then on nobody waits for a job.
    pub(crate) closing: CancellationToken,
}

impl Api {
    /// An interface to `backend` and `host_keys` for everybody who presents `key`. With an empty key it admits nobody.
    #[expect(clippy::needless_pass_by_value, reason = "the caller is to keep no second copy of the key")]
    pub fn new(config: Config, backend: impl Backend, host_keys: HostKeys, key: Secret) -> Self {
        let (backend, key) = (Arc::new(backend), Key::new(key.expose()));
        let (metrics, closing) = (Metrics::default(), CancellationToken::new());
        Self { config, backend, host_keys, key, metrics, registry: Arc::default(), closing }
    }

    /// The same, and shows at `/metrics` what is counted in `registry` and here.
    #[must_use]
    pub fn with_metrics(self, mut registry: Registry) -> Self {
        self.metrics.register(&mut registry);
        Self { registry: Arc::new(registry), ..self }
    }

    /// All routes.
    pub fn router(&self) -> Router {
        // Without a prefix the paths are those of dialect 0.2, and so are the errors.
        Router::new()
            .merge(dialect::v0_2::router(self))
            .merge(operations::router(self))
            .nest("/v0.2", dialect::v0_2::router(self))
            .nest("/v1", native::router(self))
            .layer(from_fn_with_state(self.clone(), access_log::log))
    }
}
