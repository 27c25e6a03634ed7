use super::*;
use crate::State;
use crate::needs::Need;
use crate::store::Sqlite;
use crate::store::conformance::queued;
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Outcome, Phase};
use hostler_plugins::Witness;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
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
        Ok(Newcomer { room, job, ttl, kept: None, idempotency: None, webhooks: Vec::new(), needs, run, later: None })
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
    let stored = house.store.get(id).await.expect("store");
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
    let queued = Filter { states: [State::Queued].into(), ..Filter::default() };
    let cancelled = house.dispatcher.cancel(queued).await.expect("cancel");
    assert_eq!(cancelled, Cancelled { ended: vec![waiting], asked: vec![] });
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
async fn a_running_job_is_cancelled_keeps_its_results_and_says_how_it_ended() {
    let house = House::new(1);
    let (tell, begun) = oneshot::channel();
    let stopped = Failure::new(ErrorKind::Canceled, Phase::Exec, "the remote process was stopped");
    let outcome = Outcome { warnings: vec!["kept".into()], ..Outcome::from(stopped.clone()) };
    let id = house
        .submit(work(async move |_, cancel| {
            tell.send(()).expect("the test waits");
            cancel.cancelled().await;
            outcome
        }))
        .await;
    begun.await.expect("it runs");
    let cancelled = house.dispatcher.cancel(Filter { id: Some(id), ..Filter::default() }).await.expect("cancel");
    assert_eq!(cancelled, Cancelled { ended: vec![], asked: vec![id] });
    let job = house.ended(id).await;
    assert_eq!((job.state, error(&job)), (State::Canceled, &stopped));
    assert!(job.warnings.contains(&"kept".into()));
    let again = house.dispatcher.cancel(Filter::default()).await.expect("cancel");
    assert_eq!(again, Cancelled::default(), "it has ended");
}

#[tokio::test]
async fn of_a_cancellation_and_an_end_one_wins() {
    let house = House::new(4);
    for _ in 0..50 {
        let id = house.submit(work(async |_, cancel| {
            tokio::task::yield_now().await;
            let canceled = || Failure::new(ErrorKind::Canceled, Phase::Exec, "stopped").into();
            if cancel.is_cancelled() { canceled() } else { Outcome::default() }
        }));
        let id = id.await;
        let cancelled = house.dispatcher.cancel(Filter { id: Some(id), ..Filter::default() }).await.expect("cancel");
        let job = house.ended(id).await;
        let was_stopped = job.outcome.as_ref().is_some_and(|outcome| outcome.error.is_some());
        assert_eq!(job.state, if was_stopped { State::Canceled } else { State::Finished });
        assert!(!was_stopped || cancelled != Cancelled::default());
        let stored = house.store.get(id).await.expect("store").expect("the job");
        assert_eq!((stored.state, stored.outcome), (job.state, job.outcome), "an end is final");
    }
}

#[tokio::test]
async fn a_drain_lets_what_runs_end_leaves_what_waits_and_refuses_what_comes() {
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
    house.dispatcher.ready().await.expect("ready");
    let mut drained = Box::pin(house.dispatcher.drain());
    assert!((&mut drained).now_or_never().is_none());
    let refused = house.try_submit(LONG, work(async |_, _| Outcome::default())).await.expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::Busy);
    assert_eq!(house.dispatcher.ready().await.expect_err("not ready").kind, ErrorKind::Busy);
    drop(release);
    drained.await;
    assert_eq!(house.ended(running).await.state, State::Finished);
    let left = house.store.get(waiting).await.expect("store").expect("the job");
    assert_eq!(left.state, State::Queued);
    assert_eq!(Arc::strong_count(&secret), 1, "secrets of what waits are not kept in memory");
}

#[tokio::test]
async fn what_the_end_of_the_daemon_stops_is_lost_and_says_how_far_it_came() {
    let house = House::new(1);
    let (tell, begun) = oneshot::channel();
    let running = house
        .submit(work(async move |witness, cancel| {
            witness.before_effect().await.expect("marked");
            tell.send(()).expect("the test waits");
            cancel.cancelled().await;
            Failure::new(ErrorKind::Canceled, Phase::Exec, "the remote process was stopped").into()
        }))
        .await;
    begun.await.expect("it runs");
    house.dispatcher.shutdown().await;
    let job = house.ended(running).await;
    assert_eq!((job.state, &error(&job).kind), (State::Failed, &ErrorKind::Lost));
    let message = &error(&job).message;
    assert!(message.contains("had begun to act") && message.contains("process was stopped"), "{message}");
}

/// A job that an earlier run left, and what became of the request when it was looked at again.
async fn resumed(house: &House, prepared: Result<Run, Failure>) -> Job {
    let job = queued("a");
    let arrival = Arrival { job: &job, ttl: LONG, kept: None, idempotency: None, webhooks: &[], owner: Owner::new() };
    house.store.insert(arrival).await.expect("kept");
    let prepare = Box::new(|| Box::pin(async { prepared }) as _);
    let work = Work { needs: Need::of(&job, &house.config, usize::MAX), task: Task::Kept(prepare) };
    let (id, kept) = (job.id, Kept(Vec::new()));
    house.dispatcher.resume(Waiting { job, kept, left: LONG }, LONG, work);
    house.ended(id).await
}

#[tokio::test]
async fn a_job_of_an_earlier_run_is_judged_again_before_it_begins() {
    let house = House::new(1);
    let job = resumed(&house, Ok(work(async |_, _| Outcome::default()))).await;
    assert_eq!(job.state, State::Finished);
    assert!(job.started_at.is_some());
    let denied = Failure::new(ErrorKind::Denied, Phase::Policy, "Not any more.");
    let job = resumed(&house, Err(denied.clone())).await;
    assert_eq!((job.state, job.started_at, error(&job)), (State::Failed, None, &denied));
}

#[tokio::test]
async fn one_host_with_many_jobs_leaves_places_for_others_and_says_why_they_wait() {
    let mut house = House::new(8);
    house.config.max_running_per_target = NonZeroU32::new(1);
    let (_running, _release) = house.occupy().await;
    let waiting = house.submit(work(async |_, _| panic!("it must not run"))).await;
    let why = house.dispatcher.waiting_for(waiting).expect("it waits");
    assert!(why.starts_with("target a:") && why.ends_with("1 of 1 jobs run"), "{why}");
    let other = house.newcomer(queued("b"), LONG, work(async |_, _| Outcome::default())).expect("room");
    let other = house.dispatcher.accept(other).await.expect("accepted").job.id;
    assert_eq!(house.ended(other).await.state, State::Finished);
    assert_eq!(house.dispatcher.waiting_for(other), None);
}

#[tokio::test]
async fn the_same_submission_under_the_same_key_is_the_same_job() {
    let house = House::new(1);
    let idempotency = |fingerprint| Some(Idempotency { key: "once".into(), fingerprint: [fingerprint; 32] });
    let submit = async |fingerprint, run| {
        let newcomer = house.newcomer(queued("a"), LONG, run).expect("room");
        let newcomer = Newcomer { idempotency: idempotency(fingerprint), ..newcomer };
        house.dispatcher.accept(newcomer).await
    };
    let first = submit(1, work(async |_, _| Outcome::default())).await.expect("accepted");
    house.ended(first.job.id).await;
    let again = submit(1, work(async |_, _| panic!("it must not run"))).await.expect("known");
    assert_eq!((first.known, again.known, again.job.id), (false, true, first.job.id));
    let other = submit(2, work(async |_, _| panic!("it must not run"))).await.expect_err("refused");
    assert_eq!(other.kind, ErrorKind::IdempotencyConflict);
    let caller = queued("a").caller;
    let before = house.dispatcher.submitted_before(&caller, &idempotency(1).expect("one")).await.expect("store");
    assert_eq!(before.expect("known").job.id, first.job.id);
    let free = submit(3, work(async |_, _| Outcome::default())).await;
    assert_eq!(free.expect_err("refused").kind, ErrorKind::IdempotencyConflict);
    let next = house.submit(work(async |_, _| Outcome::default())).await;
    assert_eq!(house.ended(next).await.state, State::Finished, "those that were not accepted hold no place");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_job_behind_that_never_runs() {
    let house = House::new(1);
    let (tell, told) = oneshot::channel();
    let script = work(async move |_, _| {
        tell.send(()).expect("the test waits");
        Outcome::default()
    });
    let newcomer = house.newcomer(queued("a"), LONG, script).expect("room");
    let mut accepted = Box::pin(house.dispatcher.accept(newcomer));
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
