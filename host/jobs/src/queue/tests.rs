use super::*;
use crate::store::conformance::queued;
use futures::FutureExt;

const LONG: Duration = Duration::from_hours(1);

/// Work that tells, by the count of its `Arc`, whether it is still in memory.
fn work(secret: &Arc<()>) -> Work {
    let secret = Arc::clone(secret);
    let run = Box::new(move |_, _| {
        drop(secret);
        Box::pin(async { Outcome::default() }) as _
    });
    Work { run, turns: Arc::new(Semaphore::new(1)) }
}

/// The next job to run; waits for one.
async fn next(queue: &Queue) -> JobId {
    queue.arrival().await;
    queue.take_oldest().expect("one has arrived").0.id
}

/// Those whose time is over.
async fn expired(queue: &Queue) -> Vec<(JobId, Duration)> {
    queue.expired().await.into_iter().map(|(job, ttl)| (job.id, ttl)).collect()
}

fn push(queue: &Queue, ttl: Duration, secret: &Arc<()>) -> JobId {
    let job = queued("a");
    let id = job.id;
    queue.push(queue.reserve().expect("room"), job, ttl, work(secret));
    id
}

#[tokio::test]
async fn the_oldest_comes_first_and_one_that_comes_later_wakes_the_waiting() {
    let (queue, secret) = (Queue::new(3), Arc::new(()));
    let (first, second) = (push(&queue, LONG, &secret), push(&queue, LONG, &secret));
    assert_eq!([next(&queue).await, next(&queue).await], [first, second]);
    let mut waiting = Box::pin(next(&queue));
    assert!((&mut waiting).now_or_never().is_none());
    let third = push(&queue, LONG, &secret);
    assert_eq!(waiting.await, third);
}

#[tokio::test]
async fn a_full_queue_is_busy_until_somebody_leaves() {
    let (queue, secret) = (Queue::new(1), Arc::new(()));
    push(&queue, LONG, &secret);
    let failure = queue.reserve().err().expect("refused");
    assert_eq!(failure.kind, hostler_model::ErrorKind::Busy);
    next(&queue).await;
    assert!(queue.reserve().is_ok());
}

#[tokio::test]
async fn removed_and_expired_work_leaves_memory_at_once() {
    let (queue, secret) = (Queue::new(4), Arc::new(()));
    let removed = push(&queue, LONG, &secret);
    queue.remove(&[removed, JobId::new()]);
    assert_eq!(Arc::strong_count(&secret), 1);
    let late = push(&queue, Duration::ZERO, &secret);
    assert_eq!(expired(&queue).await, [(late, Duration::ZERO)]);
    assert_eq!(Arc::strong_count(&secret), 1);
    push(&queue, LONG, &secret);
    queue.clear();
    assert_eq!(Arc::strong_count(&secret), 1);
    assert!(next(&queue).now_or_never().is_none());
    assert!(expired(&queue).now_or_never().is_none());
}

#[tokio::test]
async fn an_expired_job_is_not_handed_out_and_a_shorter_deadline_comes_first() {
    let (queue, secret) = (Queue::new(4), Arc::new(()));
    let long = push(&queue, Duration::MAX, &secret);
    let mut over = Box::pin(expired(&queue));
    assert!((&mut over).now_or_never().is_none());
    let short = push(&queue, Duration::from_millis(5), &secret);
    assert_eq!(over.await, [(short, Duration::from_millis(5))]);
    push(&queue, Duration::ZERO, &secret);
    assert_eq!(next(&queue).await, long);
    assert!(next(&queue).now_or_never().is_none());
}

#[tokio::test]
async fn a_driver_that_has_its_hands_full_keeps_its_own_jobs_waiting_and_no_others() {
    let (queue, secret, turns) = (Queue::new(4), Arc::new(()), Arc::new(Semaphore::new(1)));
    let slow = || {
        let job = queued("a");
        let id = job.id;
        let work = Work { turns: Arc::clone(&turns), ..work(&secret) };
        queue.push(queue.reserve().expect("room"), job, LONG, work);
        id
    };
    let (first, second, other) = (slow(), slow(), push(&queue, LONG, &secret));
    let (job, _, turn) = queue.take_oldest().expect("one can be taken");
    assert_eq!(job.id, first);
    assert_eq!(next(&queue).await, other);
    let mut waiting = Box::pin(next(&queue));
    assert!((&mut waiting).now_or_never().is_none());
    drop(turn);
    assert_eq!(waiting.await, second);
}
