//! The door of this room.

mod credential;
mod files;
mod launch;
mod resume;
mod submit;
mod tasks;
mod telling;
mod visit;

use crate::dispatcher::Dispatcher;
use crate::keys::Keys;
use crate::metrics::Open;
use crate::vault::Vault;
use crate::webhook::{Delivery, Webhooks};
use crate::{
    AuditFilter, Batch, Cancelled, Config, Filter, Job, Key, KeyDigest, Page, Recorded, Slice, State, Told, clock,
    trail,
};
use futures::Stream;
use hostler_credentials::Credentials;
use hostler_model::{
    AuditEntry, BatchId, Caller, DriverSchemas, Failure, JobId, KeyInfo, NewKey, PluginChange, PluginInfo, Secret,
};
use hostler_plugins::Plugins;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The jobs of this daemon.
#[derive(Clone)]
pub struct Jobs {
    config: Arc<Config>,
    plugins: Arc<Plugins>,
    dispatcher: Arc<Dispatcher>,
    vault: Arc<Vault>,
    keys: Arc<Keys>,
    webhooks: Arc<Webhooks>,
    /// There may be a detached task that was not there before.
    supervised: Arc<Notify>,
    credentials: Arc<Credentials>,
}

impl Jobs {
    pub(crate) fn new(
        config: Config,
        plugins: Arc<Plugins>,
        dispatcher: Arc<Dispatcher>,
        vault: Arc<Vault>,
        keys: Keys,
        webhooks: Arc<Webhooks>,
        credentials: Credentials,
    ) -> Self {
        let (config, keys, credentials) = (Arc::new(config), Arc::new(keys), Arc::new(credentials));
        Self { config, plugins, dispatcher, vault, keys, webhooks, credentials, supervised: Arc::default() }
    }

    /// What gives them for as long as somebody else has them.
    pub(crate) fn downgrade(&self) -> impl Fn() -> Option<Self> + Send + use<> {
        let Self { config, vault, supervised, credentials, .. } = self.clone();
        let (plugins, dispatcher) = (Arc::downgrade(&self.plugins), Arc::downgrade(&self.dispatcher));
        let (keys, webhooks) = (Arc::downgrade(&self.keys), Arc::downgrade(&self.webhooks));
        move || {
            Some(Self {
                config: config.clone(),
                plugins: plugins.upgrade()?,
                dispatcher: dispatcher.upgrade()?,
                vault: vault.clone(),
                keys: keys.upgrade()?,
                webhooks: webhooks.upgrade()?,
                credentials: credentials.clone(),
                supervised: supervised.clone(),
            })
        }
    }

    /// A keyed hash of a request, to tell whether two are the same: [`crate::Idempotency`].
    pub fn fingerprint(&self, request: &[u8]) -> [u8; 32] {
        self.vault.fingerprint(request)
    }

    /// One job, or `None` if there is none of that name.
    pub async fn get(&self, id: JobId) -> Result<Option<Job>, Failure> {
        self.dispatcher.store.get(id).await
    }

    /// Who submitted a job that this daemon holds and that has not ended. The store is not asked.
    pub fn caller_of_open(&self, id: JobId) -> Option<String> {
        self.dispatcher.caller_of_open(id)
    }

    /// Like [`Jobs::get`], but waits until the job has ended or `patience` is over.
    pub async fn wait(&self, id: JobId, patience: Duration) -> Result<Option<Job>, Failure> {
        self.dispatcher.wait(id, patience).await
    }

    /// Tells all events of a job after this number, waits for more, and ends when the job has ended and all was told.
    pub fn follow(&self, job: Job, after: u64) -> impl Stream<Item = Result<Told, Failure>> + Send + use<> {
        self.dispatcher.follower(job).follow(after)
    }

    /// What a stream of a job's run has from this offset on: a part of it. Waits for something until `patience` is over.
    pub async fn output(
        &self,
        job: Job,
        run: u32,
        stream: &str,
        offset: u64,
        patience: Duration,
    ) -> Result<Slice, Failure> {
        self.dispatcher.follower(job).output(run, stream, offset, patience).await
    }

    /// Jobs that match, newest first: one page of them.
    pub async fn list(&self, filter: Filter, page: Page) -> Result<Vec<Job>, Failure> {
        self.dispatcher.store.list(filter, page).await
    }

    /// How many jobs match, by state. A state without any is absent.
    pub async fn counts(&self, filter: Filter) -> Result<BTreeMap<State, u64>, Failure> {
        self.dispatcher.store.counts(filter).await
    }

    /// In words, why a job waits that is queued: which limit is reached. `None` if its turn has come.
    pub fn waiting_for(&self, id: JobId) -> Option<String> {
        self.dispatcher.waiting_for(id)
    }

    /// Cancels the jobs that match and that the caller reaches. Those that wait end at once; those that run are stopped,
    /// and end when the remote process is gone.
    pub async fn cancel(&self, filter: Filter, by: &Caller) -> Result<Cancelled, Failure> {
        let caller = by.reach().or(filter.caller);
        let cancelled = self.dispatcher.cancel(Filter { caller, ..filter }).await?;
        for id in cancelled.ended.iter().chain(&cancelled.asked) {
            self.record(&trail::canceled(*id, &by.name));
        }
        for id in &cancelled.ended {
            self.record(&trail::never_begun(*id));
        }
        Ok(cancelled)
    }

    /// Keeps a batch. It is durable when this returns.
    pub async fn insert_batch(&self, batch: Batch) -> Result<(), Failure> {
        self.dispatcher.store.insert_batch(&batch).await
    }

    /// One batch, or `None` if there is none of that name.
    pub async fn batch(&self, id: BatchId) -> Result<Option<Batch>, Failure> {
        self.dispatcher.store.batch(id).await
    }

    /// Lines of the audit that match, newest first, at most `limit`.
    pub async fn audit(&self, filter: AuditFilter, limit: usize) -> Result<Vec<Recorded>, Failure> {
        self.dispatcher.store.audit(filter, limit).await
    }

    /// Writes a line of the audit. Does not wait for the disk.
    pub fn record(&self, entry: &AuditEntry) {
        self.dispatcher.store.record(entry, clock::now());
    }

    /// The API key with this digest, unless it has expired. This is its use: see [`KeyInfo::last_used_at`].
    pub fn key(&self, digest: &KeyDigest) -> Option<Arc<Key>> {
        self.keys.find(digest, clock::now())
    }

    /// The API keys, by name.
    pub fn keys(&self) -> Vec<KeyInfo> {
        self.keys.list()
    }

    /// Makes an API key. Nobody can read it later. Errors: `invalid-request`; `in-use` if the name is taken. A caller
    /// that goes away in the middle of it may leave a key that nobody has: carry it [`crate::to_its_end`].
    pub async fn make_key(&self, wanted: NewKey, by: &Caller) -> Result<(KeyInfo, Secret), Failure> {
        self.keys.make(wanted, by).await
    }

    /// Takes an API key back; from then on it is worth nothing. Error: `not-found`. Carry it [`crate::to_its_end`].
    pub async fn revoke_key(&self, name: &str, by: &Caller) -> Result<(), Failure> {
        self.keys.revoke(name, by).await
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

    /// Whether a job that came now would be accepted: fails with kind `busy` while the daemon ends, and if the
    /// store cannot be written.
    pub async fn ready(&self) -> Result<(), Failure> {
        self.dispatcher.ready().await
    }

    /// Refuses new jobs and begins none, and waits for the running ones, no longer than `drain_timeout`.
    /// What waits is left to the next run of the daemon.
    pub async fn drain(&self) {
        self.dispatcher.drain().await;
    }

    /// Asks the running jobs to stop, and waits some seconds for them: they fail with kind `lost`. Those that
    /// have not ended by then are ended by the next start.
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
    pub async fn change_plugin(&self, name: &str, change: PluginChange, by: &Caller) -> Result<PluginInfo, Failure> {
        self.plugins.change(name, change, &by.name).await
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
