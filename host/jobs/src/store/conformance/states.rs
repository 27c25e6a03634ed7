//! The states of jobs, in any order of steps.

use super::{Store, cancel, claim, end, failure, insert, lost, mark_effect, success};
use crate::{Cancelled, Filter, Page, State};
use hostler_model::JobId;
use proptest::prelude::{Strategy, prop_oneof};

/// Something that is tried on the store. Numbers choose one of the jobs so far.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Insert,
    Claim(usize),
    Effect(usize),
    Succeed(usize),
    Fail(usize),
    Cancel(usize),
    CancelAll,
    Abandon,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::strategy::Just(Step::Insert),
        6 => (0..8_usize).prop_map(Step::Claim),
        3 => (0..8_usize).prop_map(Step::Effect),
        3 => (0..8_usize).prop_map(Step::Succeed),
        3 => (0..8_usize).prop_map(Step::Fail),
        3 => (0..8_usize).prop_map(Step::Cancel),
        1 => proptest::strategy::Just(Step::CancelAll),
        1 => proptest::strategy::Just(Step::Abandon),
    ]
}

/// A job as it should be.
struct Expected {
    id: JobId,
    state: State,
    asked_to_stop: bool,
    acted: bool,
}

/// Whatever is tried in whatever order: each job stands where the words of [`crate::store::JobStore`] say, and has an
/// outcome exactly when that is terminal.
pub(crate) async fn states_hold(store: &impl Store, steps: Vec<Step>) {
    use State::{Canceled, Failed, Finished, Queued, Started};
    let mut jobs: Vec<Expected> = Vec::new();
    for step in steps {
        let count = jobs.len();
        match step {
            Step::Insert => {
                let id = insert(store, "a").await;
                jobs.push(Expected { id, state: Queued, asked_to_stop: false, acted: false });
            }
            Step::CancelAll => {
                let cancelled = cancel(store, Filter::default()).await;
                let mut expected = Cancelled::default();
                for job in &mut jobs {
                    match job.state {
                        Queued => {
                            job.state = Canceled;
                            expected.ended.push(job.id);
                        }
                        Started => {
                            job.asked_to_stop = true;
                            expected.asked.push(job.id);
                        }
                        _ => {}
                    }
                }
                assert_eq!(cancelled, expected);
            }
            Step::Abandon => {
                let mut expected = Vec::new();
                for job in jobs.iter_mut().filter(|job| matches!(job.state, Queued | Started)) {
                    job.state = if job.asked_to_stop && !job.acted { Canceled } else { Failed };
                    expected.push(job.id);
                }
                assert_eq!(lost(store).await, expected);
            }
            Step::Claim(n) | Step::Effect(n) | Step::Succeed(n) | Step::Fail(n) | Step::Cancel(n) if count > 0 => {
                let job = &mut jobs[n % count];
                let (id, state) = (job.id, job.state);
                let (took_place, allowed, next) = match step {
                    Step::Claim(_) => (claim(store, id).await, state == Queued, Started),
                    Step::Effect(_) => (mark_effect(store, id).await, state == Started, Started),
                    Step::Succeed(_) => {
                        (end(store, id, &success()).await.is_some(), matches!(state, Queued | Started), Finished)
                    }
                    Step::Fail(_) => {
                        (end(store, id, &failure()).await.is_some(), matches!(state, Queued | Started), Failed)
                    }
                    _ => {
                        let cancelled = cancel(store, Filter { id: Some(id), ..Filter::default() }).await;
                        job.asked_to_stop |= cancelled.asked == [id];
                        assert_eq!(cancelled.asked == [id], state == Started);
                        (cancelled.ended == [id], state == Queued, Canceled)
                    }
                };
                assert_eq!(took_place, allowed, "{step:?} of a job that is {state}");
                job.acted |= took_place && matches!(step, Step::Effect(_));
                if allowed {
                    job.state = next;
                }
            }
            _ => {}
        }
        for job in store.list(Filter::default(), Page::first(100)).await.expect("list") {
            let expected = jobs.iter().find(|expected| expected.id == job.id).expect("a job that was inserted");
            assert_eq!(job.state, expected.state);
            assert_eq!(job.outcome.is_some(), matches!(job.state, Finished | Failed | Canceled));
            assert_eq!(job.ended_at.is_some(), job.outcome.is_some());
        }
    }
}
