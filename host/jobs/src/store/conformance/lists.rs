//! Lists, pages and counts.

use super::{Store, claim, end, find, insert, insert_job, queued, success};
use crate::{Filter, Job, Page, State};
use hostler_model::{BatchId, JobId};
use std::collections::BTreeMap;
use std::time::Duration;

/// Jobs of all sorts, the newest first.
async fn jobs_of_all_sorts(store: &impl Store) -> Vec<Job> {
    let batches = [BatchId::new(), BatchId::new()];
    let mut ids = Vec::new();
    for number in 0..24 {
        let mut job = queued(["a", "b"][number % 2]);
        job.caller = ["somebody", "another"][number / 2 % 2].into();
        job.driver = ["paramiko", "appliance"][number / 4 % 2].into();
        job.options.pinned = number % 5 == 0;
        job.batch = batches.get(number / 8).copied();
        insert_job(store, &job).await.expect("insert");
        if number % 3 > 0 {
            claim(store, job.id).await;
        }
        if number % 3 > 1 {
            end(store, job.id, &success()).await;
        }
        ids.push(job.id);
        // Names of one millisecond are not told apart by the time.
        tokio::time::sleep(Duration::from_millis(if number % 8 == 7 { 2 } else { 0 })).await;
    }
    let mut jobs = Vec::new();
    for id in ids.into_iter().rev() {
        jobs.push(find(store, id).await);
    }
    jobs
}

fn matches(filter: &Filter, job: &Job) -> bool {
    let states = &filter.states;
    filter.id.is_none_or(|id| job.id == id)
        && filter.ids.as_ref().is_none_or(|ids| ids.contains(&job.id))
        && (states.is_empty() || states.contains(&job.state))
        && filter.host.as_ref().is_none_or(|host| job.plan.target.host == *host)
        && filter.caller.as_ref().is_none_or(|caller| job.caller == *caller)
        && filter.driver.as_ref().is_none_or(|driver| job.driver == *driver)
        && filter.batch.is_none_or(|batch| job.batch == Some(batch))
        && filter.pinned.is_none_or(|pinned| job.options.pinned == pinned)
        && filter.created_after.is_none_or(|time| job.created_at >= time)
        && filter.created_before.is_none_or(|time| job.created_at < time)
}

/// Filters with each of their parts, and with many of them at once.
fn filters(jobs: &[Job]) -> Vec<Filter> {
    let none = Filter::default();
    let parts = [
        Filter { states: [State::Queued].into(), ..none.clone() },
        Filter { states: [State::Started, State::Finished, State::Failed].into(), ..none.clone() },
        Filter { host: Some("a".into()), ..none.clone() },
        Filter { caller: Some("another".into()), ..none.clone() },
        Filter { driver: Some("appliance".into()), ..none.clone() },
        Filter { batch: jobs[23].batch, ..none.clone() },
        Filter { pinned: Some(true), ..none.clone() },
        Filter { pinned: Some(false), ..none.clone() },
        Filter { created_after: Some(jobs[10].created_at), ..none.clone() },
        Filter { created_before: Some(jobs[10].created_at), ..none.clone() },
        Filter { ids: Some(vec![jobs[3].id, jobs[9].id, JobId::new()]), ..none.clone() },
    ];
    let mut filters = vec![none, Filter { host: Some("nowhere".into()), ..Filter::default() }];
    for one in &parts {
        filters.extend(parts.iter().map(|other| both(one.clone(), other.clone())));
    }
    filters
}

fn both(one: Filter, other: Filter) -> Filter {
    Filter {
        id: None,
        ids: one.ids.or(other.ids),
        states: if one.states.is_empty() { other.states } else { one.states },
        host: one.host.or(other.host),
        caller: one.caller.or(other.caller),
        driver: one.driver.or(other.driver),
        batch: one.batch.or(other.batch),
        pinned: one.pinned.or(other.pinned),
        created_after: one.created_after.or(other.created_after),
        created_before: one.created_before.or(other.created_before),
    }
}

pub(crate) async fn a_list_in_pages_is_the_list_of_those_that_match(store: &impl Store) {
    let jobs = jobs_of_all_sorts(store).await;
    for filter in filters(&jobs) {
        let expected: Vec<&Job> = jobs.iter().filter(|job| matches(&filter, job)).collect();
        let mut found = Vec::new();
        loop {
            let before = found.last().map(|job: &Job| job.id);
            let page = Page { before, limit: 5, with_results: true };
            let mut more = store.list(filter.clone(), page).await.expect("list");
            assert!(more.len() <= 5);
            if more.is_empty() {
                break;
            }
            found.append(&mut more);
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

pub(crate) async fn jobs_that_match_are_counted_by_state(store: &impl Store) {
    let jobs = jobs_of_all_sorts(store).await;
    for filter in filters(&jobs) {
        let mut expected = BTreeMap::new();
        for job in jobs.iter().filter(|job| matches(&filter, job)) {
            *expected.entry(job.state).or_default() += 1;
        }
        assert_eq!(store.counts(filter.clone()).await.expect("counts"), expected, "{filter:?}");
    }
}

pub(crate) async fn a_list_may_leave_results_out(store: &impl Store) {
    let id = insert(store, "a").await;
    end(store, id, &success()).await;
    let mut whole = find(store, id).await;
    let page = Page { with_results: false, ..Page::first(1) };
    let listed = store.list(Filter::default(), page).await.expect("list");
    whole.outcome.as_mut().expect("an outcome").results.clear();
    assert_eq!(listed, [whole]);
}
