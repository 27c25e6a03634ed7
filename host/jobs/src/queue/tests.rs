use super::*;
use futures::FutureExt;

const LONG: Duration = Duration::from_hours(1);

/// Work that tells, by the count of its `Arc`, whether it is still in memory.
fn work(secret: &Arc<()>) -> Work {
    let secret = Arc::clone(secret);
    Box::new(move |_, _| {
        drop(secret);
        Box::pin(async { Outcome::default() })
    })
}

fn push(queue: &Queue, ttl: Duration, secret: &Arc<()>) -> JobId {
    let id = JobId::new();
    queue.push(queue.reserve().expect("room"), id, ttl, work(secret));
    id
}

#[tokio::test]
async fn the_oldest_comes_first_and_one_that_comes_later_wakes_the_waiting() {
    let (queue, secret) = (Queue::new(3), Arc::new(()));
    let (first, second) = (push(&queue, LONG, &secret), push(&queue, LONG, &secret));
    assert_eq!([queue.next().await.0, queue.next().await.0], [first, second]);
    let mut next = Box::pin(queue.next());
    assert!((&mut next).now_or_never().is_none());
    let third = push(&queue, LONG, &secret);
    assert_eq!(next.await.0, third);
}

#[tokio::test]
async fn a_full_queue_is_busy_until_somebody_leaves() {
    let (queue, secret) = (Queue::new(1), Arc::new(()));
    push(&queue, LONG, &secret);
    let failure = queue.reserve().err().expect("refused");
    assert_eq!(failure.kind, hostler_model::ErrorKind::Busy);
    drop(queue.next().await);
    assert!(queue.reserve().is_ok());
}

#[tokio::test]
async fn removed_and_expired_work_leaves_memory_at_once() {
    let (queue, secret) = (Queue::new(4), Arc::new(()));
    let removed = push(&queue, LONG, &secret);
    queue.remove(&[removed, JobId::new()]);
    assert_eq!(Arc::strong_count(&secret), 1);
    let expired = push(&queue, Duration::ZERO, &secret);
    assert_eq!(queue.expired().await, [(expired, Duration::ZERO)]);
    assert_eq!(Arc::strong_count(&secret), 1);
    push(&queue, LONG, &secret);
    queue.clear();
    assert_eq!(Arc::strong_count(&secret), 1);
    assert!(queue.next().now_or_never().is_none());
    assert!(queue.expired().now_or_never().is_none());
}

#[tokio::test]
async fn an_expired_job_is_not_handed_out_and_a_shorter_deadline_comes_first() {
    let (queue, secret) = (Queue::new(4), Arc::new(()));
    let long = push(&queue, Duration::MAX, &secret);
    let mut expired = Box::pin(queue.expired());
    assert!((&mut expired).now_or_never().is_none());
    let short = push(&queue, Duration::from_millis(5), &secret);
    assert_eq!(expired.await, [(short, Duration::from_millis(5))]);
    push(&queue, Duration::ZERO, &secret);
    assert_eq!(queue.next().await.0, long);
    assert!(queue.next().now_or_never().is_none());
}
