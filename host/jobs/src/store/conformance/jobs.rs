//! What becomes of a job.

use super::{
    OWNER, Store, arrival, cancel, claim, end, failure, find, insert, insert_job, lost, mark_effect, queued, success,
};
use crate::store::Arrival;
use crate::{Cancelled, Filter, Job, Page, State, clock};
use hostler_model::{ErrorKind, JobId, Phase};
use jiff::Timestamp;
use std::time::Duration;

pub(crate) async fn a_job_comes_back_as_it_went_in(store: &impl Store) {
    let job = queued("a");
    store.insert(Arrival { ttl: Duration::MAX, ..arrival(&job) }).await.expect("insert");
    assert_eq!(find(store, job.id).await, job);
}

pub(crate) async fn a_job_may_come_in_started(store: &impl Store) {
    let job = queued("a").started(clock::now());
    insert_job(store, &job).await.expect("insert");
    assert_eq!(find(store, job.id).await, job);
    assert!(!claim(store, job.id).await);
    assert_eq!(cancel(store, Filter::default()).await, Cancelled { ended: vec![], asked: vec![job.id] });
    assert!(mark_effect(store, job.id).await);
}

pub(crate) async fn a_name_is_given_once(store: &impl Store) {
    let job = queued("a");
    insert_job(store, &job).await.expect("insert");
    let again = insert_job(store, &Job { driver: "other".into(), ..job.clone() }).await.expect_err("a second insert");
    assert_eq!((again.kind, again.phase), (ErrorKind::Internal, Phase::Store));
    assert_eq!(find(store, job.id).await, job);
}

pub(crate) async fn a_list_is_filtered_and_newest_first(store: &impl Store) {
    let (first, second, third) = (insert(store, "a").await, insert(store, "b").await, insert(store, "a").await);
    claim(store, third).await;
    let ids = async |filter, limit| -> Vec<JobId> {
        store.list(filter, Page::first(limit)).await.expect("list").iter().map(|job| job.id).collect()
    };
    assert_eq!(ids(Filter::default(), 10).await, [third, second, first]);
    assert_eq!(ids(Filter::default(), 2).await, [third, second]);
    assert_eq!(ids(Filter { host: Some("a".into()), ..Filter::default() }, 10).await, [third, first]);
    let queued = Filter { states: [State::Queued].into(), ..Filter::default() };
    assert_eq!(ids(queued.clone(), 10).await, [second, first]);
    assert_eq!(ids(Filter { host: Some("a".into()), ..queued }, 10).await, [first]);
    assert_eq!(ids(Filter { id: Some(JobId::new()), ..Filter::default() }, 10).await, []);
}

pub(crate) async fn a_job_is_claimed_once(store: &impl Store) {
    let id = insert(store, "a").await;
    let at = clock::now();
    assert!(store.claim(id, OWNER, at).await.expect("claim"));
    assert!(!claim(store, id).await);
    let job = find(store, id).await;
    assert_eq!((job.state, job.started_at), (State::Started, Some(at)));
    assert!(!claim(store, JobId::new()).await);
}

pub(crate) async fn an_effect_is_marked_only_while_started(store: &impl Store) {
    let id = insert(store, "a").await;
    assert!(!mark_effect(store, id).await);
    claim(store, id).await;
    assert!(mark_effect(store, id).await);
    assert!(mark_effect(store, id).await);
    end(store, id, &success()).await;
    assert!(!mark_effect(store, id).await);
}

pub(crate) async fn an_outcome_comes_with_its_state(store: &impl Store) {
    for (outcome, state) in [(success(), State::Finished), (failure(), State::Failed)] {
        let started = queued("a").started(clock::now());
        insert_job(store, &started).await.expect("insert");
        let at: Timestamp = clock::now();
        assert_eq!(store.end(started.id, &outcome, &[], at).await.expect("end"), Some(state));
        let job = find(store, started.id).await;
        assert_eq!((job.state, job.ended_at, &job.outcome), (state, Some(at), &Some(outcome.clone())));
        assert_eq!(job.warnings, [vec!["from the way in".into()], outcome.warnings.clone()].concat());
        assert_eq!(started.ended(state, outcome, at), job, "those who waited are shown something else");
    }
}

pub(crate) async fn a_terminal_state_is_final(store: &impl Store) {
    let (ended, canceled) = (insert(store, "a").await, insert(store, "b").await);
    assert_eq!(
        end(store, ended, &failure()).await,
        Some(State::Failed),
        "a queued job may fail, for instance when it expires"
    );
    assert_eq!(cancel(store, Filter { id: Some(canceled), ..Filter::default() }).await.ended, [canceled]);
    for id in [ended, canceled] {
        let before = find(store, id).await;
        assert_eq!(end(store, id, &success()).await, None);
        assert!(!claim(store, id).await);
        assert_eq!(cancel(store, Filter { id: Some(id), ..Filter::default() }).await, Cancelled::default());
        assert_eq!(lost(store).await, []);
        assert_eq!(find(store, id).await, before);
    }
}

pub(crate) async fn cancel_takes_queued_jobs_that_match(store: &impl Store) {
    let (queued, started, other) = (insert(store, "a").await, insert(store, "a").await, insert(store, "b").await);
    claim(store, started).await;
    let on_a = Filter { host: Some("a".into()), ..Filter::default() };
    let asked = Cancelled { ended: vec![], asked: vec![started] };
    assert_eq!(cancel(store, Filter { states: [State::Started].into(), ..on_a.clone() }).await, asked);
    assert_eq!(cancel(store, on_a).await, Cancelled { ended: vec![queued], ..asked });
    let job = find(store, queued).await;
    assert_eq!(job.state, State::Canceled);
    assert_eq!(job.outcome.and_then(|outcome| outcome.error).map(|error| error.kind), Some(ErrorKind::Canceled));
    assert_eq!(find(store, started).await.state, State::Started);
    assert_eq!(find(store, other).await.state, State::Queued);
}

pub(crate) async fn abandoned_jobs_say_how_far_they_came(store: &impl Store) {
    let [waiting, begun, acted, done] =
        [insert(store, "a").await, insert(store, "b").await, insert(store, "c").await, insert(store, "d").await];
    for id in [begun, acted, done] {
        claim(store, id).await;
    }
    mark_effect(store, acted).await;
    end(store, done, &success()).await;
    assert_eq!(lost(store).await, [waiting, begun, acted]);
    for (id, words) in [(waiting, "not begun"), (begun, "before the job acted"), (acted, "had begun to act")] {
        let job = find(store, id).await;
        let error = job.outcome.and_then(|outcome| outcome.error).expect("an error");
        assert_eq!((job.state, error.kind, error.phase), (State::Failed, ErrorKind::Lost, Phase::Store));
        assert!(error.message.contains(words), "{}", error.message);
    }
    assert_eq!(find(store, done).await.state, State::Finished);
}
