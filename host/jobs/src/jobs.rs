//! The door of this room.

use crate::dispatcher::Dispatcher;
use crate::metrics::Open;
use crate::queue::Work;
use crate::vault::Vault;
use crate::webhook::{Delivery, Webhooks};
use crate::{Config, Filter, Job, Page, Recorded, Rejection, State, Submission};
use hostler_model::{DriverSchemas, Failure, JobId, PluginChange, PluginInfo};
use hostler_plugins::Plugins;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

/// The jobs of this daemon.
#[derive(Clone)]
pub struct Jobs {
    plugins: Arc<Plugins>,
    dispatcher: Arc<Dispatcher>,
    vault: Arc<Vault>,
    default_ttl: Duration,
    webhooks: Arc<Webhooks>,
}

impl Jobs {
    pub(crate) fn new(
        config: &Config,
        plugins: Arc<Plugins>,
        dispatcher: Arc<Dispatcher>,
        vault: Arc<Vault>,
        webhooks: Arc<Webhooks>,
    ) -> Self {
        Self { plugins, dispatcher, vault, default_ttl: Duration::from_secs(config.default_ttl.into()), webhooks }
    }

    /// Validates a request, has it reviewed, stores it, and answers the queued job. The job is
    /// durable when this returns.
    pub async fn submit(&self, submission: Submission) -> Result<Job, Rejection> {
        // Before the plugins are asked: a flood must not cost more than a look at a counter.
        let room = self.dispatcher.reserve().map_err(Rejection::Failed)?;
        let Submission { mut request, caller, batch, trace, .. } = submission;
        let id = JobId::new();
        let (driver, options) = (request.driver.clone(), request.options.clone());
        let webhooks = std::mem::take(&mut request.webhooks);
        let webhooks = self.webhooks.seal(id, webhooks).map_err(Rejection::Failed)?;
        let ttl = options.ttl.unwrap_or(self.default_ttl);
        let mut warnings = std::mem::take(&mut request.warnings);
        let prepared = self.plugins.prepare(id, request).await?;
        let plan = prepared.plan().clone();
        warnings.extend_from_slice(&plan.warnings);
        let job = Job {
            id,
            state: State::Queued,
            caller: caller.name,
            batch,
            driver,
            options,
            attempt: 1,
            trace,
            plan,
            created_at: id.made_at(),
            started_at: None,
            cancel_requested_at: None,
            ended_at: None,
            outcome: None,
            warnings,
        };
        let turns = prepared.turns();
        let run = Box::new(move |witness, cancel| Box::pin(prepared.execute(witness, cancel)) as _);
        let work = Work { run, turns };
        self.dispatcher.accept(room, job, ttl, webhooks, work).await.map_err(Rejection::Failed)
    }

    /// A keyed hash of a request, to tell whether two are the same: [`crate::Idempotency`].
    pub fn fingerprint(&self, request: &[u8]) -> [u8; 32] {
        self.vault.fingerprint(request)
    }

    /// One job, or `None` if there is none of that name.
    pub async fn get(&self, id: JobId) -> Result<Option<Job>, Failure> {
        self.dispatcher.get(id).await
    }

    /// Like [`Jobs::get`], but waits until the job has ended or `patience` is over.
    pub async fn wait(&self, id: JobId, patience: Duration) -> Result<Option<Job>, Failure> {
        self.dispatcher.wait(id, patience).await
    }

    /// Jobs that match, newest first: one page of them.
    pub async fn list(&self, filter: Filter, page: Page) -> Result<Vec<Job>, Failure> {
        self.dispatcher.list(filter, page).await
    }

    /// Cancels the queued jobs that match; answers those it cancelled.
    pub async fn cancel(&self, filter: Filter) -> Result<Vec<JobId>, Failure> {
        self.dispatcher.cancel(filter).await
    }

    /// Decisions of grants and policies, newest first, at most `limit`; all, or those about one job.
    pub async fn decisions(&self, job: Option<JobId>, limit: usize) -> Result<Vec<Recorded>, Failure> {
        self.dispatcher.decisions(job, limit).await
    }

    /// Has jobs, and what is told of them, counted.
    pub fn register(&self, registry: &mut Registry) {
        self.dispatcher.metrics.register(registry);
        self.webhooks.register(registry);
        registry.register_collector(Box::new(Open(self.clone())));
    }

    /// How many jobs wait, and how many are carried out.
    pub(crate) fn open(&self) -> (usize, usize) {
        self.dispatcher.open()
    }

    /// What was told of a job, to whom, and what became of that.
    pub async fn deliveries(&self, job: JobId) -> Result<Vec<Delivery>, Failure> {
        self.webhooks.deliveries(job).await
    }

    /// Whether new jobs are taken, and the store takes them; the failure is the reason why not.
    pub async fn ready(&self) -> Result<(), Failure> {
        self.dispatcher.ready().await
    }

    /// Refuses new jobs, asks the running ones to stop, and waits some seconds for them. Jobs that
    /// have not ended by then, and those that waited, fail with kind `lost`.
    pub async fn shutdown(&self) {
        self.dispatcher.shutdown().await;
        self.webhooks.shutdown().await;
    }

    /// The plugins in service and those that could not be loaded.
    pub fn plugins(&self) -> Vec<PluginInfo> {
        self.plugins.list()
    }

    /// One of them, by name.
    pub fn plugin(&self, name: &str) -> Option<PluginInfo> {
        self.plugins.find(name)
    }

    /// Changes what is in service. Jobs that were accepted before end on the version that accepted them.
    pub async fn change_plugin(&self, name: &str, change: PluginChange) -> Result<PluginInfo, Failure> {
        self.plugins.change(name, change).await
    }

    /// Names of the drivers in service, sorted.
    pub fn drivers(&self) -> Vec<String> {
        self.plugins.drivers()
    }

    /// The schemas of a driver, or `None` if there is no such driver.
    pub fn schemas(&self, driver: &str) -> Option<DriverSchemas> {
        self.plugins.schemas(driver)
    }
}
