use super::*;
use crate::needs::{Key, Need};
use crate::store::conformance::queued;
use crate::work::Task;
use futures::FutureExt;
use hostler_model::Outcome;

const LONG: Duration = Duration::from_hours(1);

/// A queue of few bytes, with a place for each job that runs.
fn new(max: usize) -> Arc<Queue> {
    Queue::new(max, 100, 99)
}

/// Work that tells, by the count of its `Arc`, whether it is still in memory.
fn work(secret: &Arc<()>) -> Work {
    let secret = Arc::clone(secret);
    let run = Box::new(move |_, _| {
        drop(secret);
        Box::pin(async { Outcome::default() }) as _
    });
    Work { needs: Needs::from([]), task: Task::Ready(run) }
}

/// The next job to run; waits for one.
async fn next(queue: &Arc<Queue>) -> JobId {
    queue.next().await.0.id
}

/// Those whose time is over.
async fn expired(queue: &Queue) -> Vec<(JobId, Duration)> {
    queue.expired().await.into_iter().map(|(job, ttl)| (job.id, ttl)).collect()
}

fn push(queue: &Queue, ttl: Duration, secret: &Arc<()>) -> JobId {
    push_work(queue, ttl, work(secret))
}

fn push_work(queue: &Queue, ttl: Duration, work: Work) -> JobId {
    let job = queued("a");
    let id = job.id;
    queue.push(Some(queue.reserve().expect("room")), job, ttl, ttl, work);
    id
}

#[tokio::test]
async fn the_oldest_comes_first_and_one_that_comes_later_wakes_the_waiting() {
    let (queue, secret) = (new(3), Arc::new(()));
    let (first, second) = (push(&queue, LONG, &secret), push(&queue, LONG, &secret));
    assert_eq!([next(&queue).await, next(&queue).await], [first, second]);
    let mut waiting = Box::pin(next(&queue));
    assert!((&mut waiting).now_or_never().is_none());
    let third = push(&queue, LONG, &secret);
    assert_eq!(waiting.await, third);
}

#[tokio::test]
async fn a_full_queue_is_busy_until_somebody_leaves() {
    let (queue, secret) = (new(1), Arc::new(()));
    push(&queue, LONG, &secret);
    let failure = queue.reserve().err().expect("refused");
    assert_eq!(failure.kind, hostler_model::ErrorKind::Busy);
    next(&queue).await;
    assert!(queue.reserve().is_ok());
}

#[tokio::test]
async fn jobs_that_wait_have_so_many_bytes_together_until_they_leave() {
    let (queue, secret) = (new(9), Arc::new(()));
    let widen = |bytes| queue.widen(queue.reserve().expect("a place"), bytes);
    let push = |bytes| {
        let (job, room) = (queued("a"), widen(bytes).expect("room"));
        let id = job.id;
        queue.push(Some(room), job, LONG, LONG, work(&secret));
        id
    };
    let (_begins, removed) = (push(60), push(40));
    let failure = widen(1).err().expect("refused");
    assert_eq!(failure.kind, hostler_model::ErrorKind::Busy);
    next(&queue).await;
    assert!(widen(61).is_err());
    assert!(widen(60).is_ok());
    assert_eq!(queue.remove(&[removed]).len(), 1);
    push(1000);
    assert!(widen(1).is_err());
    queue.clear();
    assert!(widen(100).is_ok());
}

#[tokio::test]
async fn removed_and_expired_work_leaves_memory_at_once() {
    let (queue, secret) = (new(4), Arc::new(()));
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
    let (queue, secret) = (new(4), Arc::new(()));
    let long = push(&queue, Duration::MAX, &secret);
    let mut over = Box::pin(expired(&queue));
    assert!((&mut over).now_or_never().is_none());
    let short = push(&queue, Duration::from_millis(5), &secret);
    assert_eq!(over.await, [(short, Duration::from_millis(5))]);
    let late = push(&queue, Duration::ZERO, &secret);
    assert_eq!(next(&queue).await, long);
    assert!(next(&queue).now_or_never().is_none());
    assert_eq!(expired(&queue).await, [(late, Duration::ZERO)], "whoever ends it still finds it");
}

#[tokio::test]
async fn a_limit_keeps_its_own_jobs_waiting_and_no_others() {
    let (queue, secret) = (new(4), Arc::new(()));
    let needs = Needs::from([Need { at: Key::Driver("slow".into()), limit: 1 }]);
    let slow = || push_work(&queue, LONG, Work { needs: Arc::clone(&needs), ..work(&secret) });
    let (first, second, other) = (slow(), slow(), push(&queue, LONG, &secret));
    let (job, _, place) = queue.next().await;
    assert_eq!(job.id, first);
    assert_eq!(next(&queue).await, other);
    let mut waiting = Box::pin(next(&queue));
    assert!((&mut waiting).now_or_never().is_none());
    assert_eq!(queue.waiting_for(second).as_deref(), Some("driver slow: 1 of 1 jobs run"));
    assert!(queue.place(&needs).is_none(), "nobody who comes overtakes");
    drop(place);
    assert_eq!(waiting.await, second);
}
