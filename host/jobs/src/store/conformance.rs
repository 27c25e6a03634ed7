//! What every store must do, whatever it is made of. [`conformance!`] makes a test of each case.

mod audit;
mod events;
mod jobs;
mod keys;
mod lists;
mod recovery;
mod retention;
mod states;
mod tasks;
mod telling;

pub(crate) use audit::*;
pub(crate) use events::*;
pub(crate) use jobs::*;
pub(crate) use keys::*;
pub(crate) use lists::*;
pub(crate) use recovery::*;
pub(crate) use retention::*;
pub(crate) use states::*;
pub(crate) use tasks::*;
pub(crate) use telling::*;

use super::{Arrival, Inserted, Owner, Store};
use crate::{Cancelled, Filter, Job, Page, State, clock};
use hostler_model::{
    BatchId, ErrorKind, Exit, Failure, JobId, Options, Outcome, Output, Phase, Plan, RunResult, Target,
};
use serde_json::json;
use std::time::Duration;

const TTL: Duration = Duration::from_mins(5);

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
            names_and_decisions_are_forgotten_in_time, a_job_stays_until_it_was_tried_to_tell_of_it,
            a_long_audit_costs_no_job_and_its_oldest_lines_go,
            a_task_comes_back_as_it_went_in_and_its_name_is_given_once, what_was_seen_of_a_task_is_kept_and_its_end_stays,
            tasks_are_listed_by_caller_and_looked_at_until_they_end, requests_of_tasks_go_after_their_end_and_tasks_later,
            each_piece_of_a_log_is_told_once_and_after_the_one_before, who_wants_the_end_of_a_task_hears_nothing_before,
            of_a_task_that_is_forgotten_is_told_no_more, of_many_pieces_the_last_deliveries_are_kept,
            a_task_comes_in_with_its_job_or_not_at_all, who_wants_the_output_of_a_task_hears_its_last_piece,
            who_wants_no_more_is_told_no_more,
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
    Arrival { job, ttl: TTL, kept: None, idempotency: None, task: None, webhooks: &[], owner: OWNER }
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
