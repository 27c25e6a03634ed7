//! The door of this room.

use crate::dispatcher::Dispatcher;
use crate::keys::Keys;
use crate::queue::Work;
use crate::reach::{self, Beyond};
use crate::store::Store;
use crate::{
    AuditFilter, Config, Filter, Job, Key, KeyDigest, Page, Recorded, Rejection, Slice, State, Submission, Told, clock,
    trail,
};
use futures::Stream;
use hostler_model::{
    AuditEntry, Caller, DriverSchemas, ErrorKind, Failure, JobId, KeyInfo, NewKey, PluginChange, PluginInfo, Secret,
    Target,
};
use hostler_plugins::Plugins;
use std::sync::Arc;
use std::time::Duration;

/// The jobs of this daemon.
#[derive(Clone)]
pub struct Jobs {
    plugins: Arc<Plugins>,
    dispatcher: Arc<Dispatcher>,
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    default_ttl: Duration,
}

impl Jobs {
    pub(crate) fn new(
        config: &Config,
        plugins: Arc<Plugins>,
        dispatcher: Arc<Dispatcher>,
        store: Arc<dyn Store>,
        keys: Keys,
    ) -> Self {
        let default_ttl = Duration::from_secs(config.default_ttl.into());
        Self { plugins, dispatcher, store, keys: Arc::new(keys), default_ttl }
    }

    /// Validates a request, has it reviewed, stores it, and answers the queued job. The job is
    /// durable when this returns. A job that the caller's key is not for is denied, and leaves a line of the audit only.
    pub async fn submit(&self, submission: Submission) -> Result<Job, Rejection> {
        // Before the plugins are asked: a flood must not cost more than a look at a counter.
        let room = self.dispatcher.reserve().map_err(Rejection::Failed)?;
        let Submission { mut request, caller, batch, trace, .. } = submission;
        let id = JobId::new();
        let (driver, options) = (request.driver.clone(), request.options.clone());
        let ttl = options.ttl.unwrap_or(self.default_ttl);
        let mut warnings = std::mem::take(&mut request.warnings);
        reach::check_driver(&caller, &driver).map_err(|beyond| self.deny(beyond, &caller, id, &driver, None))?;
        let prepared = self.plugins.prepare(id, &caller.name, request).await?;
        let plan = prepared.plan().clone();
        reach::check_target(&caller, &plan.target)
            .map_err(|beyond| self.deny(beyond, &caller, id, &driver, Some(&plan.target)))?;
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
        self.dispatcher.accept(room, job, ttl, work).await.map_err(Rejection::Failed)
    }

    fn deny(&self, beyond: Beyond, caller: &Caller, job: JobId, driver: &str, target: Option<&Target>) -> Failure {
        self.record(&beyond.entry(caller, job, driver, target));
        beyond.into()
    }

    /// One job, or `None` if there is none of that name.
    pub async fn get(&self, id: JobId) -> Result<Option<Job>, Failure> {
        self.dispatcher.get(id).await
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
        self.dispatcher.list(filter, page).await
    }

    /// Cancels the queued jobs that match and that the caller reaches; answers those it cancelled.
    pub async fn cancel(&self, filter: Filter, by: &Caller) -> Result<Vec<JobId>, Failure> {
        let caller = by.reach().or(filter.caller);
        let canceled = self.dispatcher.cancel(Filter { caller, ..filter }).await?;
        for id in &canceled {
            self.record(&trail::canceled(*id, &by.name));
            self.record(&trail::given_up(*id, State::Canceled, &ErrorKind::Canceled));
        }
        Ok(canceled)
    }

    /// Lines of the audit that match, newest first, at most `limit`.
    pub async fn audit(&self, filter: AuditFilter, limit: usize) -> Result<Vec<Recorded>, Failure> {
        self.store.audit(filter, limit).await
    }

    /// Writes a line of the audit. Does not wait for the disk.
    pub fn record(&self, entry: &AuditEntry) {
        self.store.record(entry, clock::now());
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

    /// Refuses new jobs, asks the running ones to stop, and waits some seconds for them. Jobs that
    /// have not ended by then, and those that waited, fail with kind `lost`.
    pub async fn shutdown(&self) {
        self.dispatcher.shutdown().await;
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
