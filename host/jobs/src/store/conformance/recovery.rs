//! What becomes of jobs when the daemon ends.

use super::{OWNER, Store, TTL, arrival, cancel, claim, end, failure, find, insert, mark_effect, queued};
use crate::kept::Kept;
use crate::store::{Arrival, Owner, Recovered};
use crate::{Filter, Job, State, clock};
use hostler_model::{ErrorKind, Failure, JobId, Options, Outcome, Phase};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

async fn keep(store: &impl Store, job: &Job) {
    let kept = Some(Kept(job.id.to_string().into_bytes()));
    store.insert(Arrival { kept, ..arrival(job) }).await.expect("insert");
}

/// A job that is kept, and may be repeated or not.
async fn kept(store: &impl Store, repeatable: bool) -> JobId {
    let job = Job { options: Options { repeatable, ..Options::default() }, attempt: 1, ..queued("a") };
    keep(store, &job).await;
    job.id
}

async fn restart(store: &impl Store, at: Timestamp) -> Recovered {
    let recovered = store.recover(Owner::new(), at).await.expect("recovered");
    for waiting in &recovered.queued {
        assert_eq!(waiting.kept.0, waiting.job.id.to_string().as_bytes());
    }
    recovered
}

fn queued_in(recovered: &Recovered) -> Vec<JobId> {
    recovered.queued.iter().map(|waiting| waiting.job.id).collect()
}

async fn error(store: &impl Store, id: JobId) -> (State, ErrorKind, String) {
    let job = find(store, id).await;
    let error = job.outcome.and_then(|outcome| outcome.error).expect("an error");
    (job.state, error.kind, error.message)
}

pub(crate) async fn only_its_owner_acts_for_a_job(store: &impl Store) {
    let id = insert(store, "a").await;
    claim(store, id).await;
    let other = Owner(OWNER.0 + 1);
    assert!(!store.mark_effect(id, other, clock::now()).await.expect("mark"));
    assert!(!store.claim(id, other, clock::now()).await.expect("claim"));
    assert!(mark_effect(store, id).await);
}

pub(crate) async fn what_is_kept_goes_when_it_is_not_needed_any_more(store: &impl Store) {
    let (once, repeatable, ended) = (kept(store, false).await, kept(store, true).await, kept(store, true).await);
    for id in [once, repeatable] {
        claim(store, id).await;
        mark_effect(store, id).await;
    }
    end(store, ended, &failure()).await;
    let recovered = restart(store, clock::now()).await;
    assert_eq!((queued_in(&recovered), recovered.lost), (vec![repeatable], vec![once]));
}

pub(crate) async fn a_started_job_that_was_to_be_stopped_ends_as_canceled(store: &impl Store) {
    let stopped: Outcome = Failure::new(ErrorKind::Canceled, Phase::Exec, "Stopped.").into();
    let (asked, unasked, too_late) = (insert(store, "a").await, insert(store, "a").await, insert(store, "a").await);
    for id in [asked, unasked, too_late] {
        claim(store, id).await;
    }
    let at = clock::now();
    let both = Filter { ids: Some(vec![asked, too_late]), ..Filter::default() };
    let cancelled = store.request_cancel(both.clone(), at).await.expect("cancel");
    assert_eq!((cancelled.ended, cancelled.asked), (vec![], vec![asked, too_late]));
    cancel(store, both).await;
    assert_eq!(find(store, asked).await.cancel_requested_at, Some(at), "the first time counts");
    assert_eq!(end(store, asked, &stopped).await, Some(State::Canceled));
    assert_eq!(end(store, unasked, &stopped).await, Some(State::Failed));
    assert_eq!(end(store, too_late, &Outcome::default()).await, Some(State::Finished));
    assert_eq!(find(store, asked).await.state, State::Canceled);
}

pub(crate) async fn what_waited_goes_on_waiting_after_a_restart(store: &impl Store) {
    let (first, second) = (queued("a"), queued("b"));
    keep(store, &first).await;
    keep(store, &second).await;
    let soon = first.created_at + SignedDuration::from_secs(60);
    let recovered = restart(store, soon).await;
    assert_eq!(queued_in(&recovered), [first.id, second.id]);
    assert_eq!(
        (&recovered.queued[0].job, recovered.queued[0].left),
        (&first, TTL.saturating_sub(Duration::from_mins(1)))
    );
    assert_eq!(find(store, first.id).await, first);
    let recovered = restart(store, soon + TTL).await;
    assert_eq!((queued_in(&recovered), recovered.lost), (vec![], vec![first.id, second.id]));
    assert_eq!(error(store, first.id).await.1, ErrorKind::Expired);
}

pub(crate) async fn what_had_not_acted_or_may_be_repeated_begins_again(store: &impl Store) {
    let [idle, acted, repeatable] = [kept(store, false).await, kept(store, false).await, kept(store, true).await];
    store.recover(OWNER, clock::now()).await.expect("a run begins");
    for id in [idle, acted, repeatable] {
        claim(store, id).await;
    }
    mark_effect(store, acted).await;
    mark_effect(store, repeatable).await;
    let seen: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
    store.seen(OWNER, seen);
    let long_after = clock::now() + 2 * TTL;
    let recovered = restart(store, long_after).await;
    assert_eq!(queued_in(&recovered), [idle, repeatable]);
    for waiting in &recovered.queued {
        assert_eq!((waiting.job.state, waiting.job.attempt, waiting.job.started_at), (State::Queued, 2, None));
        assert_eq!(waiting.left, TTL, "its time in the queue begins anew");
        assert_eq!(find(store, waiting.job.id).await, waiting.job);
    }
    let (state, kind, message) = error(store, acted).await;
    assert_eq!((state, kind), (State::Failed, ErrorKind::Lost));
    assert!(message.contains("had begun to act") && message.contains("2026-01-02T03:04:05Z"), "{message}");
}

pub(crate) async fn no_job_begins_for_ever(store: &impl Store) {
    let id = kept(store, true).await;
    for attempt in 1..=Owner::MOST_ATTEMPTS {
        assert_eq!(find(store, id).await.attempt, attempt);
        assert!(claim(store, id).await);
        assert!(mark_effect(store, id).await);
        restart(store, clock::now()).await;
    }
    let (state, kind, message) = error(store, id).await;
    assert_eq!((state, kind), (State::Failed, ErrorKind::Lost));
    assert!(message.contains("3 times"), "{message}");
}

pub(crate) async fn what_was_to_be_stopped_does_not_begin_again(store: &impl Store) {
    let (idle, acted) = (kept(store, true).await, kept(store, true).await);
    for id in [idle, acted] {
        claim(store, id).await;
    }
    mark_effect(store, acted).await;
    cancel(store, Filter::default()).await;
    assert_eq!(restart(store, clock::now()).await.lost, [idle, acted]);
    assert_eq!(error(store, idle).await.0, State::Canceled);
    let (state, kind, _) = error(store, acted).await;
    assert_eq!((state, kind), (State::Failed, ErrorKind::Lost));
}

pub(crate) async fn a_clock_that_was_set_back_loses_no_job(store: &impl Store) {
    let (waiting, started) = (kept(store, false).await, kept(store, false).await);
    claim(store, started).await;
    let long_ago = clock::now() - SignedDuration::from_hours(24 * 365);
    let recovered = restart(store, long_ago).await;
    assert_eq!(queued_in(&recovered), [waiting, started]);
    assert!(recovered.queued.iter().all(|waiting| waiting.left == TTL));
    assert!(store.claim(started, OWNER, long_ago).await.expect("claim"));
    assert_eq!(store.end(started, &Outcome::default(), &[], long_ago).await.expect("end"), Some(State::Finished));
}
