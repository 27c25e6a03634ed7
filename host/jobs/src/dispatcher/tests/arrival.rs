//! How a job comes in, and what it waits for.

use super::{House, LONG, work};
use crate::dispatcher::Newcomer;
use crate::store::conformance::queued;
use crate::{Idempotency, State};
use futures::FutureExt;
use hostler_model::{ErrorKind, JobId, Outcome};
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::sync::oneshot;

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
async fn waiting_ends_with_patience_and_unknown_jobs_are_none() {
    let house = House::new(1);
    let (running, _release) = house.occupy().await;
    let job = house.dispatcher.wait(running, Duration::ZERO).await.expect("store").expect("the job");
    assert_eq!(job.state, State::Started);
    assert_eq!(house.dispatcher.wait(JobId::new(), LONG).await.expect("store"), None);
}
