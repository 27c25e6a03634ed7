//! What every store must do, whatever it is made of. [`conformance!`] makes a test of each case.

mod events;
mod keys;
mod lists;
mod recovery;
mod retention;
mod tasks;

pub(crate) use events::*;
pub(crate) use keys::*;
pub(crate) use lists::*;
pub(crate) use recovery::*;
pub(crate) use retention::*;
pub(crate) use tasks::*;

use super::{Arrival, Inserted, Owner, Store};
use crate::{AuditFilter, Cancelled, Filter, Job, Page, State, clock};
use hostler_model::{
    AuditEntry, AuditEvent, BatchId, ErrorKind, Exit, Failure, JobId, Options, Outcome, Output, Phase, Plan, RunResult,
    Target,
};
use jiff::Timestamp;
use proptest::prelude::{Strategy, prop_oneof};
use serde_json::json;
use std::time::Duration;

pub(crate) const TTL: Duration = Duration::from_mins(5);

/// Makes a module of tests for the store that `$open` yields in an empty state, with what must
/// live as long.
macro_rules! conformance {
    ($open:expr) => {
        crate::store::conformance::conformance!($open =>
            a_job_comes_back_as_it_went_in, a_job_may_come_in_started, a_name_is_given_once, a_list_is_filtered_and_newest_first,
            a_job_is_claimed_once, an_effect_is_marked_only_while_started, an_outcome_comes_with_its_state,
            a_terminal_state_is_final, cancel_takes_queued_jobs_that_match, abandoned_jobs_say_how_far_they_came, the_audit_is_kept_in_order_and_filtered,
            events_come_back_as_they_went_in, the_last_events_come_with_the_end,
            what_comes_for_a_job_that_does_not_run_is_passed_over, output_is_read_from_any_offset,
            long_output_comes_in_parts, a_lost_job_has_the_results_of_what_had_ended,
            a_job_that_begins_again_begins_a_new_log, a_failed_end_still_has_its_log,
            a_key_names_one_submission_of_its_caller, a_batch_comes_back_as_it_went_in,
            a_list_in_pages_is_the_list_of_those_that_match, jobs_that_match_are_counted_by_state, a_list_may_leave_results_out,
            only_its_owner_acts_for_a_job, what_is_kept_goes_when_it_is_not_needed_any_more,
            a_started_job_that_was_to_be_stopped_ends_as_canceled, what_waited_goes_on_waiting_after_a_restart,
            what_had_not_acted_or_may_be_repeated_begins_again, no_job_begins_for_ever, what_was_to_be_stopped_does_not_begin_again,
            a_clock_that_was_set_back_loses_no_job, old_jobs_go_and_open_ones_stay, only_so_many_ended_jobs_stay,
            names_and_decisions_are_forgotten_in_time,
            a_task_comes_back_as_it_went_in_and_its_name_is_given_once, what_was_seen_of_a_task_is_kept_and_its_end_stays,
            tasks_are_listed_by_caller_and_looked_at_until_they_end, requests_of_tasks_go_after_their_end_and_tasks_later,
            each_piece_of_a_log_is_told_once_and_after_the_one_before, who_wants_the_end_of_a_task_hears_nothing_before,
            of_a_task_that_is_forgotten_is_told_no_more, of_many_pieces_the_last_deliveries_are_kept,
        );

        proptest::proptest! {
            #![proptest_config(proptest::prelude::ProptestConfig { cases: 24, ..Default::default() })]
            #[test]
            fn any_order_of_steps_keeps_to_the_states(
                steps in proptest::collection::vec(crate::store::conformance::step(), 1..40)
            ) {
                let (store, _kept) = $open;
                crate::store::conformance::runtime().block_on(crate::store::conformance::states_hold(&store, steps));
            }
        }
    };
    ($open:expr => $($case:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (store, _kept) = $open;
                crate::store::conformance::$case(&store).await;
            }
        )*
    };
}
pub(crate) use conformance;

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime")
}

/// A queued job for a host.
pub(crate) fn queued(host: &str) -> Job {
    let id = JobId::new();
    Job {
        id,
        state: State::Queued,
        caller: "somebody".into(),
        batch: Some(BatchId::new()),
        driver: "paramiko".into(),
        options: Options { ttl: Some(TTL), repeatable: true, ..Options::default() },
        attempt: 2,
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        plan: Plan {
            target: Target { host: host.into(), port: 22, user: "admin".into(), jumps: vec![] },
            command: Some(vec!["uname -a".into(), "echo 'ü\n'".into()]),
            config: None,
            connection_args: json!({"host": host, "timeout": 2.5}),
            driver_args: json!({}),
            secrets: vec!["connection_args.password".into()],
            warnings: vec![],
            driver_version: "0.1.0".into(),
            driver_digest: "sha256:00".into(),
        },
        created_at: id.made_at(),
        started_at: None,
        cancel_requested_at: None,
        ended_at: None,
        outcome: None,
        warnings: vec!["from the way in".into()],
    }
}

pub(crate) fn success() -> Outcome {
    Outcome {
        results: vec![RunResult {
            command: "uname -a".into(),
            exit: Exit::Signal("TERM".into()),
            stdout: Output { head: vec![0, 255, b'a'], tail: b"end".to_vec(), omitted: 7 },
            stderr: Output::default(),
            duration: Duration::from_micros(1234),
            session_reused: false,
            moved: None,
            parsed: None,
            launched: None,
        }],
        error: None,
        warnings: vec!["from the outcome".into()],
    }
}

fn failure() -> Outcome {
    Failure::new(ErrorKind::Other("appliance-busy".into()), Phase::Exec, "Try again.").into()
}

/// The run of the daemon that most cases play.
const OWNER: Owner = Owner(7);

pub(crate) fn arrival(job: &Job) -> Arrival<'_> {
    Arrival { job, ttl: TTL, kept: None, idempotency: None, webhooks: &[], owner: OWNER }
}

pub(crate) async fn insert_job(store: &impl Store, job: &Job) -> Result<(), Failure> {
    store.insert(arrival(job)).await.map(|inserted| assert_eq!(inserted, Inserted::New))
}

async fn insert(store: &impl Store, host: &str) -> JobId {
    let job = queued(host);
    insert_job(store, &job).await.expect("insert");
    job.id
}

async fn find(store: &impl Store, id: JobId) -> Job {
    let job = store.get(id).await.expect("get").expect("the job");
    let filter = Filter { id: Some(id), ..Filter::default() };
    assert_eq!(store.list(filter, Page::first(2)).await.expect("list"), std::slice::from_ref(&job));
    job
}

/// What the end of the daemon leaves of jobs that cannot be carried out again.
async fn lost(store: &impl Store) -> Vec<JobId> {
    let recovered = store.recover(Owner::new(), clock::now()).await.expect("recovered");
    assert!(recovered.queued.is_empty());
    recovered.lost
}

async fn claim(store: &impl Store, id: JobId) -> bool {
    store.claim(id, OWNER, clock::now()).await.expect("claim")
}

async fn mark_effect(store: &impl Store, id: JobId) -> bool {
    store.mark_effect(id, OWNER, clock::now()).await.expect("mark")
}

async fn end(store: &impl Store, id: JobId, outcome: &Outcome) -> Option<State> {
    store.end(id, outcome, &[], clock::now()).await.expect("end")
}

async fn cancel(store: &impl Store, filter: Filter) -> Cancelled {
    store.request_cancel(filter, clock::now()).await.expect("cancel")
}

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

/// Whatever is tried in whatever order: each job stands where the words of [`super::JobStore`] say, and has an
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

pub(crate) async fn the_audit_is_kept_in_order_and_filtered(store: &impl Store) {
    let line = |job, caller: &str, event, reason: &str| AuditEntry {
        caller: Some(caller.into()),
        job,
        reason: reason.into(),
        details: json!({"command": "ls"}),
        ..AuditEntry::new(event, "exec")
    };
    let (one, other) = (JobId::new(), JobId::new());
    let lines = [
        line(Some(one), "a", AuditEvent::Submitted, "first"),
        line(Some(other), "b", AuditEvent::Submitted, "second"),
        line(None, "a", AuditEvent::KeyCreated, "third"),
        line(Some(one), "a", AuditEvent::Denied, "fourth"),
    ];
    for line in &lines {
        store.record(line, clock::now());
    }
    let found = async |filter, limit| store.audit(filter, limit).await.expect("it reads");
    let reasons = async |filter, limit| {
        found(filter, limit).await.into_iter().map(|recorded| recorded.entry.reason).collect::<Vec<_>>()
    };
    let all = AuditFilter::default;
    assert_eq!(reasons(all(), 10).await, ["fourth", "third", "second", "first"]);
    let page = found(all(), 2).await;
    assert_eq!(page.iter().map(|recorded| &recorded.entry).collect::<Vec<_>>(), [&lines[3], &lines[2]]);
    let next = AuditFilter { before: Some(page[1].id), ..all() };
    assert_eq!(reasons(next.clone(), 2).await, ["second", "first"]);
    assert_eq!(reasons(AuditFilter { job: Some(one), ..all() }, 10).await, ["fourth", "first"]);
    assert_eq!(reasons(AuditFilter { caller: Some("a".into()), ..all() }, 10).await, ["fourth", "third", "first"]);
    assert_eq!(reasons(AuditFilter { event: Some(AuditEvent::Submitted), ..all() }, 10).await, ["second", "first"]);
    let narrow = AuditFilter { caller: Some("a".into()), job: Some(one), ..next };
    assert_eq!(reasons(narrow, 10).await, ["first"]);
}
