mod arrival;
mod cancel;
mod carry;
mod closing;
mod resume;

use super::*;
use crate::needs::Need;
use crate::store::Sqlite;
use crate::store::conformance::queued;
use futures::future::BoxFuture;
use hostler_model::Outcome;
use hostler_plugins::Witness;
use std::num::NonZeroU32;
use tempfile::TempDir;
use tokio::sync::oneshot;

const LONG: Duration = Duration::from_hours(1);

struct House {
    config: Config,
    dispatcher: Arc<Dispatcher>,
    store: Arc<dyn Store>,
    folder: TempDir,
}

impl House {
    fn new(max_running: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path()).expect("a store"));
        let config = Config { max_running: NonZeroU32::new(max_running).expect("not zero"), ..Config::default() };
        let dispatcher = Dispatcher::start(&config, Arc::clone(&store), Owner::new());
        Self { config, dispatcher, store, folder }
    }

    fn newcomer(&self, job: Job, ttl: Duration, run: Run) -> Result<Newcomer, Failure> {
        let room = self.dispatcher.reserve()?;
        let needs = Need::of(&job, &self.config, usize::MAX);
        let (kept, idempotency, task, webhooks, later) = (None, None, None, Vec::new(), None);
        Ok(Newcomer { room, job, ttl, kept, idempotency, task, webhooks, needs, run, later })
    }

    async fn try_submit(&self, ttl: Duration, work: Run) -> Result<JobId, Failure> {
        let accepted = self.dispatcher.accept(self.newcomer(queued("a"), ttl, work)?).await;
        accepted.map(|submitted| submitted.job.id)
    }

    async fn submit(&self, work: Run) -> JobId {
        self.try_submit(LONG, work).await.expect("accepted")
    }

    /// A job that runs until the sender is used or dropped. It runs when this returns.
    async fn occupy(&self) -> (JobId, oneshot::Sender<()>) {
        let (tell, begun) = oneshot::channel();
        let (release, released) = oneshot::channel::<()>();
        let id = self
            .submit(work(async move |_, _| {
                tell.send(()).expect("the test waits");
                drop(released.await);
                Outcome::default()
            }))
            .await;
        begun.await.expect("it runs");
        (id, release)
    }

    /// Changes the database behind the store's back.
    fn meddle(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.folder.path().join("jobs.sqlite")).expect("the database");
        database.execute_batch(sql).expect("valid SQL");
    }

    async fn ended(&self, id: JobId) -> Job {
        let job = self.dispatcher.wait(id, Duration::from_secs(30)).await.expect("store").expect("the job");
        assert!(job.outcome.is_some(), "the job is still {}", job.state);
        job
    }
}

fn work<F>(script: impl FnOnce(Arc<dyn Witness>, CancellationToken) -> F + Send + 'static) -> Run
where
    F: Future<Output = Outcome> + Send + 'static,
{
    Box::new(move |witness, cancel| -> BoxFuture<'static, Outcome> { Box::pin(script(witness, cancel)) })
}

fn error(job: &Job) -> &Failure {
    job.outcome.as_ref().and_then(|outcome| outcome.error.as_ref()).expect("an error")
}
