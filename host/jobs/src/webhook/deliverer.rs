//! The task that delivers.

use super::post::{self, Undelivered};
use super::sealed::Plain;
use super::{Attempt, LABEL, Webhooks};
use crate::clock;
use crate::store::{Busy, Due, Verdict};
use backon::{BackoffBuilder, ExponentialBuilder};
use hostler_model::{Failure, Trace};
use jiff::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
use tokio::time::sleep;

/// How many deliveries are under way at once.
const AT_ONCE: usize = 8;

/// How many of them go to one receiver, so that a slow one leaves room for others.
pub(super) const TO_ONE: usize = 2;

/// The time between the first two attempts; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest time between two attempts, but for what chance adds: at most as much again.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// How long to wait when the store fails.
const BREATH: Duration = Duration::from_secs(1);

/// What is being delivered: its id, and where it goes.
type UnderWay = HashMap<Id, (String, String)>;

impl Webhooks {
    /// Makes all deliveries, each in its time, until the daemon ends.
    pub(super) async fn deliver(self: Arc<Self>) {
        let (mut tasks, mut under_way) = (JoinSet::new(), UnderWay::new());
        loop {
            let pause = match self.next(&under_way).await {
                Ok(Some(due)) => match pause(due.next_at) {
                    Duration::ZERO => {
                        let names = (due.id.clone(), due.to.clone());
                        under_way.insert(tasks.spawn(Arc::clone(&self).attempt(due)).id(), names);
                        continue;
                    }
                    pause => pause,
                },
                Ok(None) => Duration::MAX,
                Err(failure) => {
                    tracing::error!(detail = failure.detail, "the deliveries of webhooks could not be read");
                    BREATH
                }
            };
            tokio::select! {
                Some(ended) = tasks.join_next_with_id() => {
                    // One that panicked is tried again: the store does not know that it was tried.
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    under_way.remove(&id);
                }
                () = self.store.news() => {}
                () = sleep(pause) => {}
                () = self.stop.cancelled() => break,
            }
        }
        tasks.join_all().await;
    }

    /// What is to be delivered next, now or later. `None` if there is nothing, or no room for it.
    async fn next(&self, under_way: &UnderWay) -> Result<Option<Due>, Failure> {
        if under_way.len() >= AT_ONCE {
            return Ok(None);
        }
        let to = |receiver: &String| under_way.values().filter(|(_, other)| other == receiver).count();
        let receivers = under_way.values().map(|(_, receiver)| receiver);
        let busy = Busy {
            ids: under_way.values().map(|(id, _)| id.clone()).collect(),
            receivers: receivers.filter(|receiver| to(receiver) >= TO_ONE).cloned().collect(),
        };
        self.store.next_delivery(busy).await
    }

    /// Makes an attempt and writes it down.
    async fn attempt(self: Arc<Self>, due: Due) {
        let (id, job) = (due.id.clone(), due.job);
        let (attempt, verdict) = self.judged(due).await;
        let result = match &verdict {
            Verdict::Delivered => "delivered",
            Verdict::Retry { .. } => "failed",
            Verdict::GivenUp | Verdict::Gone => "given-up",
        };
        self.results.get_or_create(&[("result", result)]).inc();
        match (&verdict, &attempt.error) {
            (Verdict::Delivered, _) => tracing::info!(%job, delivery = id, "webhook delivered"),
            (Verdict::Retry { at, .. }, error) => {
                tracing::info!(%job, delivery = id, error, next = %at, "webhook not delivered; it is tried again");
            }
            (Verdict::GivenUp | Verdict::Gone, error) => {
                tracing::warn!(%job, delivery = id, error, "webhook given up");
            }
        }
        while let Err(failure) = self.store.attempted(&id, &attempt, verdict.clone()).await {
            tracing::error!(
                detail = failure.detail,
                "the delivery of a webhook could not be stored and is tried again"
            );
            if self.stop.run_until_cancelled(sleep(BREATH)).await.is_none() {
                return;
            }
        }
    }

    /// Makes an attempt, and says what follows from it.
    async fn judged(&self, due: Due) -> (Attempt, Verdict) {
        let (number, again) = (due.attempts + 1, due.body.clone());
        let (body, made, asked) = match self.letter_of(due).await {
            Ok((plain, id, body, trace)) => {
                let letter = post::Letter { id: &id, body: body.clone(), trace };
                let made = self.post.deliver(&plain, letter).await;
                (Some(body), made, plain.retry_after)
            }
            Err(undelivered) => (again, Err(undelivered), None),
        };
        let at = clock::now();
        match made {
            Ok(status) => (Attempt { at, status: Some(status), error: None }, Verdict::Delivered),
            Err(undelivered) => {
                let is_gone = undelivered.is_gone();
                let Undelivered { status, why, for_good } = undelivered;
                let attempt = Attempt { at, status, error: Some(why) };
                let verdict = match self.pause_after(number, asked.as_deref()) {
                    _ if is_gone => Verdict::Gone,
                    Some(pause) if !for_good => Verdict::Retry { at: at + pause, body },
                    _ => Verdict::GivenUp,
                };
                (attempt, verdict)
            }
        }
    }

    /// How long to wait after this attempt: as the webhook asks, within what the operator allows. `None` if it was the last.
    fn pause_after(&self, attempt: u32, asked: Option<&[Duration]>) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let Some(asked) = asked else { return Some(back_off(attempt)) };
        asked.get(attempt.saturating_sub(1) as usize).map(|pause| (*pause).clamp(FIRST_PAUSE, LONGEST_PAUSE))
    }

    /// Where it goes, under which id, what it says, and in which trace.
    async fn letter_of(&self, due: Due) -> Result<(Plain, String, Vec<u8>, Option<Trace>), Undelivered> {
        let lasting = |why: &str| Undelivered { status: None, why: why.into(), for_good: true };
        let opened = self.vault.open(LABEL, &due.job.to_string(), &due.sealed);
        let plain = opened.ok().and_then(|plain| serde_json::from_slice::<Plain>(&plain).ok());
        let plain = plain.ok_or_else(|| lasting("The key that sealed the webhook is not there any more."))?;
        let job = self.store.get(due.job).await.map_err(|failure| {
            tracing::error!(detail = failure.detail, "the job of a webhook could not be read");
            Undelivered { for_good: false, ..lasting("The job could not be read.") }
        })?;
        let trace = job.as_ref().and_then(|job| Trace::read(job.trace.as_deref()?));
        let (event, at, dialect) = (due.event, due.created_at, plain.dialect.as_str());
        let written = || match (&due.slice, &job) {
            (Some(slice), job) => Some(self.letter.body_of_task(slice, job.as_ref(), event, at, dialect)),
            (None, job) => job.as_ref().map(|job| self.letter.body(job, event, at, dialect)),
        };
        let body =
            due.body.or_else(written).ok_or_else(|| lasting("The job was removed before it could be told of."))?;
        Ok((plain, due.id, body, trace))
    }
}

/// How long it is until then. After a clock was set back it may seem longer than any pause between two attempts.
fn pause(at: Timestamp) -> Duration {
    let pause = Duration::try_from(at.duration_since(clock::now())).unwrap_or_default();
    if pause > 2 * LONGEST_PAUSE { Duration::ZERO } else { pause }
}

/// The pause after this attempt. Chance adds to it, so that what failed together is not tried again together.
fn back_off(attempt: u32) -> Duration {
    let builder = ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_max_delay(LONGEST_PAUSE);
    let builder = builder.without_max_times().with_jitter().with_jitter_seed(RandomState::new().hash_one(attempt));
    builder.build().nth(attempt.saturating_sub(1) as usize).unwrap_or(LONGEST_PAUSE)
}
