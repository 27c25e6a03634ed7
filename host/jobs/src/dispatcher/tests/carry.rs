//! From the queue to the end of a job.

use super::{House, error, work};
use crate::store::Owner;
use crate::{State, clock};
use hostler_model::{ErrorKind, Failure, Outcome, Phase};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

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
    let order = Arc::new(Mutex::new(Vec::new()));
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
