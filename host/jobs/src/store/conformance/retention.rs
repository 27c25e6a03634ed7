//! What is removed, and when.

use super::{OWNER, Store, arrival, claim, end, find, insert, insert_job, queued, success};
use crate::retention::Retention;
use crate::store::{Arrival, Busy, Inserted, Verdict, Watch};
use crate::webhook::Attempt;
use crate::{AuditFilter, Filter, Idempotency, Job, Page, clock};
use hostler_model::{AuditEntry, AuditEvent, JobId, Options, WebhookEvent};
use jiff::Timestamp;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// Keeps everything.
const ALL: Retention = Retention {
    finished: Duration::MAX,
    count: u64::MAX,
    bytes: u64::MAX,
    audit: Duration::MAX,
    audit_bytes: u64::MAX,
    idempotency: Duration::MAX,
};

async fn sweep(store: &impl Store, retention: Retention, at: Timestamp) {
    while !store.sweep(retention, at).await.expect("swept") {}
}

async fn left(store: &impl Store) -> Vec<JobId> {
    store.list(Filter::default(), Page::first(1000)).await.expect("list").iter().map(|job| job.id).collect()
}

async fn with_result_ttl(store: &impl Store, result_ttl: Duration) -> JobId {
    let options = Options { result_ttl: Some(result_ttl), ..Options::default() };
    let job = Job { options, ..queued("a") };
    insert_job(store, &job).await.expect("insert");
    job.id
}

pub(crate) async fn old_jobs_go_and_open_ones_stay(store: &impl Store) {
    let (waiting, started, done) = (insert(store, "a").await, insert(store, "a").await, insert(store, "a").await);
    let (short, long) = (with_result_ttl(store, HOUR / 2).await, with_result_ttl(store, 3 * HOUR).await);
    claim(store, started).await;
    for id in [done, short, long] {
        end(store, id, &success()).await;
    }
    let retention = Retention { finished: HOUR, ..ALL };
    let now = clock::now();
    for (at, stay) in [
        (now - HOUR, vec![long, short, done, started, waiting]),
        (now, vec![long, short, done, started, waiting]),
        (now + HOUR * 2 / 3, vec![long, done, started, waiting]),
        (now + 2 * HOUR, vec![long, started, waiting]),
        (now + 4 * HOUR, vec![started, waiting]),
    ] {
        sweep(store, retention, at).await;
        assert_eq!(left(store).await, stay, "{at}");
    }
    assert!(find(store, started).await.outcome.is_none());
    assert!(store.mark_effect(started, OWNER, now).await.expect("mark"), "it goes on");
}

pub(crate) async fn only_so_many_ended_jobs_stay(store: &impl Store) {
    let waiting = insert(store, "a").await;
    let mut ended = Vec::new();
    for _ in 0..150 {
        let id = insert(store, "a").await;
        end(store, id, &success()).await;
        ended.push(id);
    }
    sweep(store, Retention { count: 3, ..ALL }, clock::now()).await;
    assert_eq!(left(store).await, [ended[149], ended[148], ended[147], waiting]);
}

pub(crate) async fn names_and_decisions_are_forgotten_in_time(store: &impl Store) {
    let now = clock::now();
    let named = Idempotency { key: "mine".into(), fingerprint: [1; 32] };
    let insert =
        async |job: &Job| store.insert(Arrival { idempotency: Some(&named), ..arrival(job) }).await.expect("insert");
    let first = queued("a");
    insert(&first).await;
    let decision = AuditEntry::new(AuditEvent::Denied, "exec");
    store.record(&decision, now);
    let retention = Retention { audit: 2 * HOUR, idempotency: HOUR, ..ALL };
    let decisions = async || store.audit(AuditFilter::default(), 10).await.expect("it reads").len();
    sweep(store, retention, now + HOUR / 2).await;
    assert_eq!((insert(&queued("a")).await, decisions().await), (Inserted::Known(first.id), 1));
    sweep(store, retention, now + HOUR * 3 / 2).await;
    assert_eq!((insert(&queued("a")).await, decisions().await), (Inserted::New, 1));
    sweep(store, retention, now + 3 * HOUR).await;
    assert_eq!(decisions().await, 0);
}

pub(crate) async fn a_job_stays_until_it_was_tried_to_tell_of_it(store: &impl Store) {
    let watch = Watch { to: "https://a".into(), events: [WebhookEvent::Finished].into(), sealed: vec![1] };
    let options = Options { result_ttl: Some(HOUR), ..Options::default() };
    let (untold, short) = (queued("a"), Job { options, ..queued("a") });
    for job in [&untold, &short] {
        store.insert(Arrival { webhooks: std::slice::from_ref(&watch), ..arrival(job) }).await.expect("insert");
        end(store, job.id, &success()).await;
    }
    let at = clock::now() + 2 * HOUR;
    let one = Retention { count: 1, ..ALL };
    for (retention, stays) in [
        (one, true),
        (Retention { count: 0, ..ALL }, false),
        (Retention { bytes: 0, ..ALL }, false),
        (Retention { finished: HOUR, ..ALL }, false),
    ] {
        let other = insert(store, "a").await;
        end(store, other, &success()).await;
        sweep(store, retention, at).await;
        let expected = [other, short.id, untold.id].into_iter().filter(|id| stays || *id != other);
        assert_eq!(left(store).await, expected.collect::<Vec<_>>(), "{retention:?}");
        sweep(store, Retention { count: 0, ..ALL }, at).await;
    }
    let body = Some(b"told".to_vec());
    for _ in 0..2 {
        let due = store.next_delivery(Busy::default()).await.expect("it reads").expect("a delivery");
        assert_eq!(due.body, None);
        let attempt = Attempt { at, status: None, error: Some("It did not answer.".into()) };
        store.attempted(&due.id, &attempt, Verdict::Retry { at, body: body.clone() }).await.expect("stored");
    }
    sweep(store, Retention { count: 0, ..ALL }, at).await;
    assert_eq!(left(store).await, []);
    let due = store.next_delivery(Busy::default()).await.expect("it reads").expect("it is tried again");
    assert_eq!(due.body, body);
}

pub(crate) async fn a_long_audit_costs_no_job_and_its_oldest_lines_go(store: &impl Store) {
    let job = insert(store, "a").await;
    end(store, job, &success()).await;
    for number in 0..3000 {
        let reason = format!("{number} {}", "x".repeat(1000));
        store.record(&AuditEntry { reason, ..AuditEntry::new(AuditEvent::Denied, "exec") }, clock::now());
    }
    let lines = async || store.audit(AuditFilter::default(), 4000).await.expect("it reads");
    let (newest, retention) = (lines().await[0].id, Retention { bytes: 1 << 20, ..ALL });
    sweep(store, retention, clock::now()).await;
    assert_eq!((left(store).await, lines().await.len()), (vec![job], 3000));
    sweep(store, Retention { audit_bytes: 2 << 20, ..retention }, clock::now()).await;
    let kept = lines().await;
    assert!((400..2000).contains(&kept.len()), "{}", kept.len());
    assert_eq!((left(store).await, kept[0].id), (vec![job], newest));
}
