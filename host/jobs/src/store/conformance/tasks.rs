//! Detached tasks, and what is told of them.

use super::{Store, arrival, end, queued, success};
use crate::kept::Kept;
use crate::store::{Arrival, Busy, Due, KeptTask, Piece, Sight, Telling, Verdict, Watch};
use crate::webhook::Attempt;
use crate::{Job, clock};
use hostler_model::{Detach, Elevated, Exit, Options, Task, TaskId, TaskState, WebhookEvent};
use std::collections::BTreeSet;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

fn launching(job: &Job) -> KeptTask {
    let task = Task {
        id: TaskId::from(job.id),
        job: Some(job.id),
        caller: job.caller.clone(),
        driver: job.driver.clone(),
        target: job.plan.target.clone(),
        command: vec!["make".into()],
        state: TaskState::Launching,
        exit: None,
        pid: None,
        log_file: None,
        push_interval: Some(Duration::from_secs(5)),
        next_offset: 0,
        created_at: job.created_at,
        asked_at: None,
        ended_at: None,
    };
    let sealed = Some(Kept(vec![1, 2]));
    KeptTask { task, elevated: None, sealed_for: job.id, sealed, telling: None, unheard: false }
}

async fn insert(store: &impl Store, kept: &KeptTask) -> TaskId {
    assert!(store.insert_task(kept.clone()).await.expect("stored"));
    kept.task.id.clone()
}

async fn find(store: &impl Store, id: &TaskId) -> Option<KeptTask> {
    store.task(id).await.expect("it reads")
}

async fn saw(store: &impl Store, id: &TaskId, sight: Sight) -> Option<Task> {
    store.saw_task(id, sight).await.expect("stored")
}

async fn looked_at(store: &impl Store) -> Vec<TaskId> {
    store.open_tasks().await.expect("they are read").into_iter().map(|kept| kept.task.id).collect()
}

fn ended(state: TaskState) -> Sight {
    Sight { state: Some(state), ..Sight::new(clock::now()) }
}

pub(crate) async fn a_task_comes_back_as_it_went_in_and_its_name_is_given_once(store: &impl Store) {
    let elevated = Some(Elevated { user: "root".into(), secret: Some("driver_args.sudo_password".into()) });
    let kept = KeptTask { elevated, ..launching(&queued("a")) };
    let id = insert(store, &kept).await;
    let other = KeptTask { task: Task { driver: "other".into(), ..kept.task.clone() }, ..kept.clone() };
    assert!(!store.insert_task(other).await.expect("stored"), "its name was given again");
    assert!(find(store, &id).await == Some(kept), "it changed");
    assert!(find(store, &TaskId::from(queued("a").id)).await.is_none());
}

pub(crate) async fn what_was_seen_of_a_task_is_kept_and_its_end_stays(store: &impl Store) {
    let id = insert(store, &launching(&queued("a"))).await;
    let launched = Sight { pid: Some(7), log_file: Some("/log".into()), ..ended(TaskState::Running) };
    let task = saw(store, &id, launched).await.expect("it is there");
    assert_eq!((task.state, task.pid, task.log_file.as_deref()), (TaskState::Running, Some(7), Some("/log")));
    saw(store, &id, Sight { next_offset: Some(9), ..Sight::new(clock::now()) }).await;
    let completed = Sight { exit: Some(Exit::Status(3)), ..ended(TaskState::Completed) };
    saw(store, &id, completed).await;
    let task = saw(store, &id, ended(TaskState::Lost)).await.expect("it is there");
    assert_eq!((task.state, task.exit.clone()), (TaskState::Completed, Some(Exit::Status(3))));
    assert_eq!((task.pid, task.next_offset, task.ended_at < task.asked_at), (Some(7), 9, true), "{task:?}");
    assert_eq!(find(store, &id).await.expect("it is there").task, task);
    assert_eq!(saw(store, &TaskId::from(queued("a").id), ended(TaskState::Lost)).await, None);
}

pub(crate) async fn tasks_are_listed_by_caller_and_looked_at_until_they_end(store: &impl Store) {
    let (first, second) = (launching(&queued("a")), launching(&queued("a")));
    let second = KeptTask { task: Task { caller: "another".into(), ..second.task }, ..second };
    let ids = [insert(store, &first).await, insert(store, &second).await];
    let listed = async |caller: Option<&str>| -> Vec<TaskId> {
        let tasks = store.tasks(caller.map(Into::into)).await.expect("they are read");
        tasks.into_iter().map(|task| task.id).collect()
    };
    assert_eq!(listed(None).await, [ids[1].clone(), ids[0].clone()]);
    assert_eq!(listed(Some("another")).await, [ids[1].clone()]);
    saw(store, &ids[0], ended(TaskState::Killed)).await;
    assert_eq!(looked_at(store).await, [ids[1].clone()]);
    assert_eq!(listed(None).await.len(), 2, "the end of one is kept");
    assert_eq!(store.forget_tasks(Some("another".into())).await.expect("stored"), 1);
    assert_eq!((listed(None).await, looked_at(store).await), (vec![ids[0].clone()], vec![]));
    store.forget_task(&ids[0]).await.expect("stored");
    assert!(find(store, &ids[0]).await.is_none());
}

pub(crate) async fn requests_of_tasks_go_after_their_end_and_tasks_later(store: &impl Store) {
    let (open, over) = (launching(&queued("a")), launching(&queued("a")));
    let (open, over) = (insert(store, &open).await, insert(store, &over).await);
    saw(store, &over, ended(TaskState::Completed)).await;
    let (now, before) = (clock::now() + HOUR, clock::now() - HOUR);
    let is_sealed = async |id| find(store, id).await.map(|kept| kept.sealed.is_some());
    store.expire_tasks(before, before).await.expect("stored");
    assert_eq!(is_sealed(&over).await, Some(true));
    store.expire_tasks(now, before).await.expect("stored");
    assert_eq!(is_sealed(&over).await, Some(false));
    store.expire_tasks(now, now).await.expect("stored");
    assert_eq!((is_sealed(&over).await, is_sealed(&open).await), (None, Some(true)));
}

/// A job that detaches, and its task, of which is told.
pub(crate) fn launching_job() -> (Job, KeptTask) {
    let job = Job { options: Options { detach: Some(Detach::default()), ..Options::default() }, ..queued("a") };
    let telling = Some(Telling { offset: 0, next_at: job.created_at, output: true });
    let kept = KeptTask { telling, ..launching(&job) };
    (job, kept)
}

/// A job with one webhook that wants these events, and the task that it launches.
async fn told(store: &impl Store, events: &[WebhookEvent]) -> (Job, TaskId) {
    let (job, kept) = launching_job();
    let id = insert(store, &kept).await;
    let events = events.iter().copied().collect::<BTreeSet<_>>();
    let watch = Watch { to: "https://hooks.example".into(), events, sealed: vec![5] };
    store.insert(Arrival { webhooks: &[watch], ..arrival(&job) }).await.expect("insert");
    (job, id)
}

pub(crate) fn wrote(offset: u64, output: &str, is_last: bool) -> Sight {
    let state = Some(if is_last { TaskState::Completed } else { TaskState::Running });
    let next_offset = offset + output.len() as u64;
    let piece = Piece { offset, output: output.into(), next_offset, completed: is_last, is_last };
    Sight { state, piece: Some(piece), ..Sight::new(clock::now()) }
}

/// The delivery that is to be made, with what it tells of a task.
async fn due(store: &impl Store) -> Option<(String, WebhookEvent, String)> {
    let Due { id, event, slice, sealed, .. } = store.next_delivery(Busy::default()).await.expect("it reads")?;
    assert_eq!(sealed, [5], "the webhook is not there any more");
    let slice = slice.map_or_else(String::new, |slice| String::from_utf8(slice.output).expect("text"));
    Some((id, event, slice))
}

async fn delivered(store: &impl Store, id: &str) {
    let attempt = Attempt { at: clock::now(), status: Some(204), error: None };
    store.attempted(id, &attempt, Verdict::Delivered).await.expect("stored");
}

pub(crate) async fn each_piece_of_a_log_is_told_once_and_after_the_one_before(store: &impl Store) {
    let (job, id) = told(store, &[WebhookEvent::TaskOutput, WebhookEvent::TaskEnded]).await;
    saw(store, &id, wrote(0, "one", false)).await;
    // Somebody who looked at the same time tells nothing twice, and the end of the job is not asked for.
    saw(store, &id, wrote(0, "one", false)).await;
    end(store, job.id, &success()).await;
    assert_eq!(store.deliveries(job.id).await.expect("they are read").len(), 1);
    assert!(find(store, &id).await.expect("it is there").unheard);
    let (delivery, event, output) = due(store).await.expect("a delivery");
    assert_eq!((event, output.as_str()), (WebhookEvent::TaskOutput, "one"));
    delivered(store, &delivery).await;
    assert!(!find(store, &id).await.expect("it is there").unheard);

    // It ended while nobody looked: who is told of it hears the rest.
    saw(store, &id, ended(TaskState::Completed)).await;
    assert_eq!(looked_at(store).await, std::slice::from_ref(&id), "its end is still to be told");
    saw(store, &id, wrote(3, "two", true)).await;
    assert_eq!(looked_at(store).await, []);
    let (delivery, event, output) = due(store).await.expect("a delivery");
    assert_eq!((event, output.as_str()), (WebhookEvent::TaskEnded, "two"));
    saw(store, &id, wrote(6, "three", true)).await;
    delivered(store, &delivery).await;
    assert_eq!(due(store).await, None);
    assert_eq!(store.deliveries(job.id).await.expect("they are read").len(), 2);
}

pub(crate) async fn who_wants_the_end_of_a_task_hears_nothing_before(store: &impl Store) {
    let (_, id) = told(store, &[WebhookEvent::TaskEnded]).await;
    saw(store, &id, wrote(0, "one", false)).await;
    assert_eq!(due(store).await, None);
    saw(store, &id, wrote(3, "two", true)).await;
    assert_eq!(due(store).await.map(|(_, event, _)| event), Some(WebhookEvent::TaskEnded));
}

pub(crate) async fn of_a_task_that_is_forgotten_is_told_no_more(store: &impl Store) {
    let (job, id) = told(store, &[WebhookEvent::TaskEnded]).await;
    end(store, job.id, &success()).await;
    store.forget_task(&id).await.expect("stored");
    assert_eq!(saw(store, &id, wrote(0, "", true)).await, None);
    assert_eq!(due(store).await, None);
}

pub(crate) async fn of_many_pieces_the_last_deliveries_are_kept(store: &impl Store) {
    let (job, id) = told(store, &[WebhookEvent::TaskOutput]).await;
    for number in 0..130 {
        saw(store, &id, wrote(number, "x", false)).await;
        let (delivery, ..) = due(store).await.expect("a delivery");
        delivered(store, &delivery).await;
    }
    let kept = store.deliveries(job.id).await.expect("they are read").len();
    assert!((100..=101).contains(&kept), "{kept}");
}
