//! The end of the daemon.

use super::{House, LONG, error, work};
use crate::State;
use futures::FutureExt;
use hostler_model::{ErrorKind, Failure, Outcome, Phase};
use std::sync::Arc;
use tokio::sync::oneshot;

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
