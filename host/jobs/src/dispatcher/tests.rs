use super::*;
use crate::State;
use crate::store::Sqlite;
use crate::store::conformance::queued;
use futures::future::BoxFuture;
use hostler_model::Phase;
use hostler_plugins::Witness;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::sync::oneshot;

const LONG: Duration = Duration::from_hours(1);

struct House {
    dispatcher: Arc<Dispatcher>,
    store: Arc<dyn Store>,
    folder: TempDir,
}

impl House {
    fn new(max_running: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path()).expect("a store"));
        let config = Config { max_running: NonZeroU32::new(max_running).expect("not zero"), ..Config::default() };
        Self { dispatcher: Dispatcher::start(&config, Arc::clone(&store), Owner::new()), store, folder }
    }

    async fn try_submit(&self, ttl: Duration, work: Work) -> Result<JobId, Failure> {
        let room = self.dispatcher.reserve()?;
        self.dispatcher.accept(room, queued("a"), ttl, Vec::new(), work).await.map(|job| job.id)
    }

    async fn submit(&self, work: Work) -> JobId {
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

fn work<F>(script: impl FnOnce(Arc<dyn Witness>, CancellationToken) -> F + Send + 'static) -> Work
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let run = Box::new(move |witness, cancel| -> BoxFuture<'static, Outcome> { Box::pin(script(witness, cancel)) });
    Work { run, turns: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
}

fn error(job: &Job) -> &Failure {
    job.outcome.as_ref().and_then(|outcome| outcome.error.as_ref()).expect("an error")
}

#[tokio::test]
async fn a_job_runs_and_ends_with_its_outcome() {
    let house = House::new(1);
    let outcome = Outcome { warnings: vec!["careful".into()], ..Outcome::default() };
    let expected = outcome.clone();
    let id = house.submit(work(async move |_, _| outcome)).await;
    let job = house.ended(id).await;
    assert_eq!((job.state, &job.outcome), (State::Finished, &Some(expected)));
    assert_eq!(job.warnings, ["from the way in", "careful"]);
    assert!(job.started_at >= Some(job.created_at) && job.ended_at >= job.started_at);
    let stored = house.dispatcher.get(id).await.expect("store");
    assert_eq!(stored, Some(job), "whoever waited was shown something else than whoever comes later");
}

#[tokio::test]
async fn no_job_overtakes_one_that_waits() {
    let house = House::new(1);
    let (_running, release) = house.occupy().await;
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut ids = Vec::new();
    for number in 0..3 {
        let order = Arc::clone(&order);
        ids.push(
            house
                .submit(work(async move |_, _| {
                    order.lock().expect("no panic").push(number);
                    Outcome::default()
                }))
                .await,
        );
    }
    drop(release);
    for id in ids {
        assert_eq!(house.ended(id).await.state, State::Finished);
    }
    assert_eq!(*order.lock().expect("no panic"), [0, 1, 2]);
}

#[tokio::test]
async fn a_failed_job_keeps_the_error_of_its_work() {
    let house = House::new(1);
    let failure = Failure::new(ErrorKind::AuthFailed, Phase::Auth, "Check the password.");
    let outcome = Outcome::from(failure.clone());
    let id = house.submit(work(async move |_, _| outcome)).await;
    let job = house.ended(id).await;
    assert_eq!((job.state, error(&job)), (State::Failed, &failure));
}

#[tokio::test]
async fn a_panic_ends_its_job_only() {
    let house = House::new(1);
    let id = house.submit(work(async |_, _| panic!("a bug"))).await;
    let job = house.ended(id).await;
    assert_eq!((job.state, &error(&job).kind), (State::Failed, &ErrorKind::Internal));
    let next = house.submit(work(async |_, _| Outcome::default())).await;
    assert_eq!(house.ended(next).await.state, State::Finished);
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_configured() {
    let house = House::new(2);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut ids = Vec::new();
    for _ in 0..20 {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let work = work(async move |_, _| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            running.fetch_sub(1, Ordering::SeqCst);
            Outcome::default()
        });
        ids.push(house.submit(work).await);
    }
    for id in ids {
        assert_eq!(house.ended(id).await.state, State::Finished);
    }
    assert!(most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_canceled_job_never_runs_and_leaves_memory_while_running_ones_go_on() {
    let house = House::new(1);
    let (running, release) = house.occupy().await;
    let secret = Arc::new(());
    let held = Arc::clone(&secret);
    let waiting = house
        .submit(work(async move |_, _| {
            drop(held);
            panic!("it must not run")
        }))
        .await;
    let waiter = tokio::spawn({
        let dispatcher = Arc::clone(&house.dispatcher);
        async move { dispatcher.wait(waiting, LONG).await }
    });
    assert_eq!(house.dispatcher.cancel(Filter::default()).await.expect("cancel"), [waiting]);
    assert_eq!(Arc::strong_count(&secret), 1);
    let seen = waiter.await.expect("waiter").expect("store").expect("the job");
    assert_eq!((seen.state, &error(&seen).kind), (State::Canceled, &ErrorKind::Canceled));
    drop(release);
    assert_eq!(house.ended(running).await.state, State::Finished);
}

#[tokio::test]
async fn a_job_expires_while_it_waits() {
    let house = House::new(1);
    let (_running, _release) = house.occupy().await;
    let work = work(async |_, _| panic!("it must not run"));
    let id = house.try_submit(Duration::from_millis(20), work).await.expect("accepted");
    let job = house.ended(id).await;
    assert_eq!((job.state, &error(&job).kind, error(&job).phase), (State::Failed, &ErrorKind::Expired, Phase::Store));
    assert!(error(&job).message.contains("0.02 s"), "{}", error(&job).message);
}

#[tokio::test]
async fn waiting_ends_with_patience_and_unknown_jobs_are_none() {
    let house = House::new(1);
    let (running, _release) = house.occupy().await;
    let job = house.dispatcher.wait(running, Duration::ZERO).await.expect("store").expect("the job");
    assert_eq!(job.state, State::Started);
    assert_eq!(house.dispatcher.wait(JobId::new(), LONG).await.expect("store"), None);
}

#[tokio::test]
async fn the_effect_is_durable_before_the_work_goes_on() {
    let house = House::new(1);
    let store = Arc::clone(&house.store);
    let id = house
        .submit(work(async move |witness, _| {
            witness.before_effect().await.expect("marked");
            witness.before_effect().await.expect("marked once");
            store.recover(Owner::new(), clock::now()).await.expect("the daemon died here");
            Outcome::default()
        }))
        .await;
    let job = house.ended(id).await;
    assert_eq!(error(&job).kind, ErrorKind::Lost);
    assert!(error(&job).message.contains("had begun to act"), "{}", error(&job).message);
}

#[tokio::test]
async fn a_job_that_has_ended_may_not_begin_to_act() {
    let house = House::new(1);
    let store = Arc::clone(&house.store);
    let (tell, told) = oneshot::channel();
    house
        .submit(work(async move |witness, _| {
            store.recover(Owner::new(), clock::now()).await.expect("given up");
            tell.send(witness.before_effect().await).expect("the test waits");
            Outcome::default()
        }))
        .await;
    assert_eq!(told.await.expect("told").expect_err("refused").kind, ErrorKind::Canceled);
}

#[tokio::test]
async fn shutdown_stops_what_runs_loses_what_waits_and_refuses_what_comes() {
    let house = House::new(1);
    let (tell, begun) = oneshot::channel();
    let running = house
        .submit(work(async move |witness, cancel| {
            witness.before_effect().await.expect("marked");
            tell.send(()).expect("the test waits");
            cancel.cancelled().await;
            Failure::new(ErrorKind::Canceled, Phase::Exec, "Stopped.").into()
        }))
        .await;
    begun.await.expect("it runs");
    let secret = Arc::new(());
    let held = Arc::clone(&secret);
    let waiting = house
        .submit(work(async move |_, _| {
            drop(held);
            panic!("it must not run")
        }))
        .await;
    house.dispatcher.shutdown().await;
    assert_eq!(Arc::strong_count(&secret), 1);
    for (id, words) in [(running, "had begun to act"), (waiting, "not begun")] {
        let job = house.ended(id).await;
        assert_eq!((job.state, &error(&job).kind), (State::Failed, &ErrorKind::Lost));
        assert!(error(&job).message.contains(words), "{}", error(&job).message);
    }
    let refused = house.try_submit(LONG, work(async |_, _| Outcome::default())).await.expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::Busy);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_job_behind_that_never_runs() {
    let house = House::new(1);
    let (tell, told) = oneshot::channel();
    let room = house.dispatcher.reserve().expect("room");
    let script = work(async move |_, _| {
        tell.send(()).expect("the test waits");
        Outcome::default()
    });
    let mut accepted = Box::pin(house.dispatcher.accept(room, queued("a"), LONG, Vec::new(), script));
    assert!((&mut accepted).now_or_never().is_none());
    drop(accepted);
    told.await.expect("it ran all the same");
}

#[tokio::test]
async fn a_job_that_cannot_be_claimed_fails_and_never_runs() {
    let house = House::new(1);
    house.meddle(
        "CREATE TRIGGER full BEFORE UPDATE ON jobs WHEN NEW.state = 'started'
         BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    );
    let (_running, release) = house.occupy().await;
    let id = house.submit(work(async |_, _| panic!("it must not run"))).await;
    drop(release);
    let job = house.ended(id).await;
    assert_eq!((&error(&job).kind, error(&job).phase), (&ErrorKind::Internal, Phase::Store));
    assert_eq!(job.started_at, None);
}

#[tokio::test]
async fn an_end_that_could_not_be_stored_is_tried_again() {
    let house = House::new(1);
    house.meddle(
        "CREATE TABLE tries (n INTEGER);
         CREATE TRIGGER full BEFORE UPDATE ON jobs WHEN NEW.state = 'finished' AND NOT EXISTS (SELECT 1 FROM tries)
         BEGIN INSERT INTO tries VALUES (1); SELECT RAISE(FAIL, 'disk full'); END",
    );
    let id = house.submit(work(async |_, _| Outcome::default())).await;
    assert_eq!(house.ended(id).await.state, State::Finished);
}
