//! Tells others what becomes of jobs.
//!
//! A webhook is sealed when its job comes in, and kept with it. The step that changes the state of a job also makes the
//! deliveries that tell of it, so that none is forgotten, whatever happens to the daemon; so does the step that keeps what
//! was seen of a detached task. One task (`deliverer`) makes them, some at a time, and tries again later what fails. A
//! receiver may hear the same twice, under the same id.

mod config;
mod deliverer;
mod delivery;
mod guard;
mod post;
mod sealed;
mod signature;

pub use config::WebhookConfig;
pub use delivery::{Attempt, Delivery, DeliveryState};

use crate::store::{Store, Watch};
use crate::vault::Vault;
use crate::{Job, Ledger, failures};
use guard::Guard;
use hostler_model::{ErrorKind, Failure, JobId, Phase, TaskSlice, Webhook, WebhookEvent};
use jiff::Timestamp;
use post::Post;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use sealed::Plain;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What of the vault is theirs.
const LABEL: &str = "webhook";

/// The most that a job may have.
const MOST: usize = 16;

/// How long deliveries that are under way may take at shutdown. Those that take longer are made again.
const GRACE: Duration = Duration::from_secs(2);

/// Attempts, by what followed from them.
type Results = Family<[(&'static str, &'static str); 1], Counter>;

/// How a job and its detached task are told: whoever knows their shapes writes the bodies.
pub trait Letter: Send + Sync + 'static {
    /// The body, in JSON, in the words of a dialect: [`Webhook::dialect`].
    fn body(&self, job: &Job, event: WebhookEvent, at: Timestamp, dialect: &str) -> Vec<u8>;

    /// The same about a task, and what it wrote. The job may have been removed.
    fn body_of_task(
        &self,
        slice: &TaskSlice,
        job: Option<&Job>,
        event: WebhookEvent,
        at: Timestamp,
        dialect: &str,
    ) -> Vec<u8>;
}

/// The webhooks of this daemon.
pub struct Webhooks {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    letter: Arc<dyn Letter>,
    post: Post,
    max_attempts: u32,
    results: Results,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Webhooks {
    fn start(config: &WebhookConfig, guard: Guard, ledger: &Ledger, letter: Arc<dyn Letter>) -> Arc<Self> {
        let webhooks = Arc::new(Self {
            store: ledger.store.clone(),
            vault: ledger.vault.clone(),
            letter,
            post: Post::new(guard, Duration::from_secs(config.timeout.get().into())),
            max_attempts: config.max_attempts.get(),
            results: Results::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let this = Arc::clone(&webhooks);
        webhooks.tasks.spawn(async move { this.deliver().await });
        webhooks
    }

    /// Checks and seals the webhooks of a job that is about to be stored.
    pub(crate) fn seal(&self, job: JobId, webhooks: Vec<Webhook>) -> Result<Vec<Watch>, Failure> {
        if webhooks.len() > MOST {
            return Err(invalid(format!("A job has at most {MOST} webhooks.")));
        }
        webhooks.into_iter().map(|webhook| self.seal_one(job, webhook)).collect()
    }

    fn seal_one(&self, job: JobId, webhook: Webhook) -> Result<Watch, Failure> {
        let url = self.post.check(&webhook).map_err(|refused| invalid(refused.0))?;
        let (to, events) = (url.origin().ascii_serialization(), webhook.events.clone());
        let plain = serde_json::to_vec(&Plain::from(webhook)).map_err(failures::store)?;
        Ok(Watch { to, events, sealed: self.vault.seal(LABEL, &job.to_string(), &plain)? })
    }

    /// Has attempts counted.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("webhook_attempts", "Attempts to deliver, by what followed from them", self.results.clone());
    }

    /// The deliveries of a job, in their order.
    pub(crate) async fn deliveries(&self, job: JobId) -> Result<Vec<Delivery>, Failure> {
        self.store.deliveries(job).await
    }

    /// Begins no more deliveries, and waits some seconds for those under way. The next start makes the others.
    pub(crate) async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!("webhooks were not delivered in time; the next start delivers them");
        }
    }
}

fn invalid(message: String) -> Failure {
    Failure::new(ErrorKind::InvalidRequest, Phase::Validate, message)
}

#[cfg(test)]
mod tests;
