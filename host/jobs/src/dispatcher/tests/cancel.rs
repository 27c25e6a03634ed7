//! Jobs that are cancelled.

use super::{House, LONG, error, work};
use crate::kept::Kept;
use crate::needs::Need;
use crate::store::Waiting;
use crate::store::conformance::{arrival, queued};
use crate::work::{Task, Work};
use crate::{Cancelled, Filter, State};
use hostler_model::{ErrorKind, Failure, Outcome, Phase};
use std::sync::Arc;
use tokio::sync::oneshot;

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
    assert_eq!(house.dispatcher.metrics.count_of("canceled", "canceled"), 1);
    drop(release);
    assert_eq!(house.ended(running).await.state, State::Finished);
}

#[tokio::test]
async fn a_job_that_is_canceled_on_its_way_out_of_the_queue_is_counted_too() {
    let house = House::new(1);
    let (tell, judged) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let prepare = Box::new(|| {
        Box::pin(async move {
            tell.send(()).expect("the test waits");
            drop(released.await);
            Ok(work(async |_, _| panic!("it must not run")))
        }) as _
    });
    let job = queued("a");
    house.store.insert(arrival(&job)).await.expect("kept");
    let work = Work { needs: Need::of(&job, &house.config, usize::MAX), task: Task::Kept(prepare) };
    let id = job.id;
    house.dispatcher.resume(Waiting { job, kept: Kept(Vec::new()), left: LONG }, LONG, work);
    judged.await.expect("it left the queue");
    let cancelled = house.dispatcher.cancel(Filter { id: Some(id), ..Filter::default() }).await.expect("cancel");
    assert_eq!(cancelled.ended, [id]);
    drop(release);
    // It holds the only place until it has come to that.
    house.occupy().await;
    assert_eq!(house.dispatcher.metrics.count_of("canceled", "canceled"), 1);
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
