//! Detached tasks.

use super::{Store, arrival, queued};
use crate::kept::Kept;
use crate::store::{Arrival, Inserted, KeptTask, Sight};
use crate::{Idempotency, Job, clock};
use hostler_model::{Elevated, Exit, Task, TaskId, TaskState};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

pub(super) fn launching(job: &Job) -> KeptTask {
    let (id, target) = (TaskId::from(job.id), job.plan.target.clone());
    let kept = KeptTask::new(id, job.caller.clone(), job.driver.clone(), target, job.id, Kept(vec![1, 2]));
    let (command, push_interval) = (vec!["make".into()], Some(Duration::from_secs(5)));
    KeptTask { task: Task { job: Some(job.id), command, push_interval, ..kept.task }, ..kept }
}

async fn insert(store: &impl Store, kept: &KeptTask) -> TaskId {
    assert!(store.insert_task(kept.clone()).await.expect("stored"));
    kept.task.id.clone()
}

pub(super) async fn find(store: &impl Store, id: &TaskId) -> Option<KeptTask> {
    store.task(id).await.expect("it reads")
}

pub(super) async fn saw(store: &impl Store, id: &TaskId, sight: Sight) -> Option<Task> {
    store.saw_task(id, sight).await.expect("stored")
}

pub(super) async fn looked_at(store: &impl Store) -> Vec<TaskId> {
    store.open_tasks().await.expect("they are read").into_iter().map(|kept| kept.task.id).collect()
}

pub(super) fn ended(state: TaskState) -> Sight {
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

pub(crate) async fn a_task_comes_in_with_its_job_or_not_at_all(store: &impl Store) {
    let named = Idempotency { key: "mine".into(), fingerprint: [1; 32] };
    let arrive = async |job: &Job, task: &KeptTask| {
        let (idempotency, task) = (Some(&named), Some(task.clone()));
        store.insert(Arrival { idempotency, task, ..arrival(job) }).await
    };
    let (first, again, clash) = (queued("a"), queued("a"), Job { caller: "another".into(), ..queued("a") });
    let task = launching(&first);
    assert_eq!(arrive(&first, &task).await.expect("insert"), Inserted::New);
    assert!(find(store, &task.task.id).await.as_ref() == Some(&task), "it changed");
    // The job of then has its task; one that there will not be has none.
    let other = launching(&again);
    assert_eq!(arrive(&again, &other).await.expect("insert"), Inserted::Known(first.id));
    assert!(find(store, &other.task.id).await.is_none());
    arrive(&clash, &task).await.expect_err("there is a task of this name");
    assert_eq!(store.get(clash.id).await.expect("it reads"), None);
    assert_eq!(arrive(&clash, &launching(&clash)).await.expect("its key is free"), Inserted::New);
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
    assert_eq!(store.forget_tasks(None).await.expect("stored"), 1);
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
