//! The whole HTTP interface.

use crate::guard::TurnedAway;
use crate::key::OperatorKey;
use crate::metrics::Metrics;
use crate::rate::Rates;
use crate::templating::Templating;
use crate::{Backend, Config, access_log, dialect, native, openapi, operations};
use axum::Router;
use axum::middleware::from_fn_with_state;
use hostler_jobs::Job;
use hostler_model::{Caller, Failure, JobId, Secret};
use hostler_remote::HostKeys;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The whole HTTP interface: what it answers from, and who may ask. Clones are the same one.
#[derive(Clone)]
pub struct Api {
    pub(crate) config: Arc<Config>,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) host_keys: HostKeys,
    pub(crate) key: OperatorKey,
    pub(crate) operator: Arc<Caller>,
    pub(crate) rates: Rates,
    pub(crate) turned_away: TurnedAway,
    /// When this was made: about when the daemon started.
    pub(crate) started_at: Timestamp,
    /// Places for clients that follow jobs.
    pub(crate) followers: Arc<Semaphore>,
    pub(crate) templating: Templating,
    pub(crate) metrics: Metrics,
    pub(crate) registry: Arc<Registry>,
    /// Cancelled when the daemon shuts down: from then on nobody waits for a job.
    pub(crate) closing: CancellationToken,
}

impl Api {
    /// An interface to `backend` and `host_keys` for everybody who presents `key`, the operator's, or one of the keys that the
    /// backend knows. An empty key admits nobody.
    #[expect(clippy::needless_pass_by_value, reason = "the caller is to keep no second copy of the key")]
    pub fn new(config: Config, backend: impl Backend, host_keys: HostKeys, key: Secret) -> Self {
        Self {
            rates: Rates::new(&config),
            followers: Arc::new(Semaphore::new(config.max_followers.into())),
            config: Arc::new(config),
            backend: Arc::new(backend),
            host_keys,
            key: OperatorKey::new(key.expose()),
            operator: Arc::new(Caller::operator()),
            turned_away: TurnedAway::default(),
            started_at: Timestamp::now(),
            templating: Templating::default(),
            metrics: Metrics::default(),
            registry: Arc::default(),
            closing: CancellationToken::new(),
        }
    }

    /// The same, and shows at `/metrics` what is counted in `registry` and here.
    #[must_use]
    pub fn with_metrics(self, mut registry: Registry) -> Self {
        self.metrics.register(&mut registry);
        self.turned_away.register(&mut registry);
        Self { registry: Arc::new(registry), ..self }
    }

    /// Whether this is a job of somebody whose jobs the caller sees, that is not known to have ended. The store is not asked.
    pub(crate) fn is_open(&self, id: JobId, caller: &Caller) -> bool {
        self.backend.caller_of_open(id).is_some_and(|owner| caller.reaches(&owner))
    }

    /// The job when it has ended, or as it is when `patience` is over or the daemon shuts down.
    pub(crate) async fn wait(&self, id: JobId, patience: Duration) -> Result<Option<Job>, Failure> {
        tokio::select! {
            ended = self.backend.wait(id, patience) => ended,
            () = self.closing.cancelled() => self.backend.get(id).await,
        }
    }

    /// All routes.
    pub fn router(&self) -> Router {
        let (native, description) = native::router(self);
        Router::new()
            .merge(dialect::unprefixed::router(self))
            .merge(operations::router(self))
            .nest("/v0.2", dialect::v0_2::router(self))
            .nest("/v0.3", dialect::v0_3::router(self))
            .nest("/v0.4", dialect::v0_4::router(self))
            .nest("/v1", native)
            .merge(openapi::router(openapi::document(description)))
            .layer(from_fn_with_state(self.clone(), access_log::log))
    }
}
