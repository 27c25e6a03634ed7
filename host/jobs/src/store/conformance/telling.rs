//! What webhooks are told of detached tasks.

use super::tasks::{ended, find, launching, looked_at, saw};
use super::{Store, arrival, claim, end, queued, success};
use crate::store::{Arrival, Busy, Due, KeptTask, Piece, Sight, Telling, Verdict, Watch};
use crate::webhook::{Attempt, DeliveryState};
use crate::{Job, clock};
use hostler_model::{Detach, Options, TaskId, TaskState, WebhookEvent};
use std::collections::BTreeSet;

/// A job that detaches, and its task, of which is told.
pub(crate) fn launching_job() -> (Job, KeptTask) {
    let job = Job { options: Options { detach: Some(Detach::default()), ..Options::default() }, ..queued("a") };
    let telling = Some(Telling { offset: 0, next_at: job.created_at, output: true });
    let task = KeptTask { telling, ..launching(&job) };
    (job, task)
}

/// A job with one webhook that wants these events, and the task that it launches.
async fn told(store: &impl Store, events: &[WebhookEvent]) -> (Job, TaskId) {
    let (job, task) = launching_job();
    let (id, events) = (task.task.id.clone(), events.iter().copied().collect::<BTreeSet<_>>());
    let watch = Watch { to: "https://hooks.example".into(), events, sealed: vec![5] };
    store.insert(Arrival { task: Some(task), webhooks: &[watch], ..arrival(&job) }).await.expect("insert");
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

/// What was told of a job and its task, and what became of that.
async fn deliveries(store: &impl Store, job: &Job) -> Vec<(WebhookEvent, DeliveryState)> {
    let deliveries = store.deliveries(job.id).await.expect("they are read");
    deliveries.into_iter().map(|delivery| (delivery.event, delivery.state)).collect()
}

pub(crate) async fn each_piece_of_a_log_is_told_once_and_after_the_one_before(store: &impl Store) {
    let (job, id) = told(store, &[WebhookEvent::TaskOutput, WebhookEvent::TaskEnded]).await;
    saw(store, &id, wrote(0, "one", false)).await;
    // Somebody who looked at the same time tells nothing twice, and the end of the job is not asked for.
    saw(store, &id, wrote(0, "one", false)).await;
    end(store, job.id, &success()).await;
    assert_eq!(deliveries(store, &job).await.len(), 1);
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
    assert_eq!(deliveries(store, &job).await.len(), 2);
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
    store.forget_tasks(None).await.expect("stored");
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
    let kept = deliveries(store, &job).await.len();
    assert!((100..=101).contains(&kept), "{kept}");
}

pub(crate) async fn who_wants_the_output_of_a_task_hears_its_last_piece(store: &impl Store) {
    for last in ["two", ""] {
        let (job, id) = told(store, &[WebhookEvent::TaskOutput]).await;
        let mut heard = String::new();
        for sight in [wrote(0, "one", false), wrote(3, last, true)] {
            saw(store, &id, sight).await;
            while let Some((delivery, event, output)) = due(store).await {
                assert_eq!(event, WebhookEvent::TaskOutput);
                heard += &output;
                delivered(store, &delivery).await;
            }
        }
        assert_eq!(heard, format!("one{last}"));
        assert_eq!(deliveries(store, &job).await.len(), if last.is_empty() { 1 } else { 2 }, "nothing is no letter");
    }
}

pub(crate) async fn who_wants_no_more_is_told_no_more(store: &impl Store) {
    use WebhookEvent::{Canceled, Finished, Started, TaskEnded, TaskOutput};
    let (job, id) = told(store, &[Started, Finished, Canceled, TaskOutput, TaskEnded]).await;
    assert!(claim(store, job.id).await);
    saw(store, &id, wrote(0, "one", false)).await;
    let (delivery, ..) = due(store).await.expect("a delivery");
    let gone = Attempt { at: clock::now(), status: Some(410), error: Some("The receiver is gone (410).".into()) };
    store.attempted(&delivery, &gone, Verdict::Gone).await.expect("stored");
    assert_eq!(due(store).await, None, "also what waited");
    saw(store, &id, wrote(3, "two", false)).await;
    end(store, job.id, &success()).await;
    saw(store, &id, wrote(6, "three", true)).await;
    let given_up = |event| (event, DeliveryState::GivenUp);
    assert_eq!(deliveries(store, &job).await, [Started, TaskOutput].map(given_up));
}
