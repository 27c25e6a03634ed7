//! Asks the targets of detached tasks how these are, also when nobody else does.

use crate::store::KeptTask;
use crate::{Jobs, clock};
use futures::StreamExt;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often a task is asked about, unless its request wants that more often.
const INTERVAL: Duration = Duration::from_mins(1);

/// How often it is looked whose turn has come.
const ROUND: Duration = Duration::from_secs(1);

/// How often it is looked what goes, where there is nothing to ask about.
const IDLE: Duration = Duration::from_mins(10);

/// Targets that are asked at once.
const AT_ONCE: usize = 8;

/// How long the request of a task is kept after its end, so that its log can be read to the end.
const READABLE: Duration = Duration::from_hours(1);

/// Goes on for as long as there are jobs: `jobs` gives them unless they are gone.
pub(crate) async fn supervise(jobs: impl Fn() -> Option<Jobs>) {
    while let Some(now) = jobs() {
        let supervised = now.supervised();
        let is_idle = round(&now).await;
        drop(now);
        if is_idle {
            let _due = timeout(IDLE, supervised.notified()).await;
        } else {
            sleep(ROUND).await;
        }
    }
}

/// Asks about those whose turn has come; answers whether there is none at all.
async fn round(jobs: &Jobs) -> bool {
    let now = clock::now();
    if let Err(failure) = jobs.expire_tasks(now - READABLE).await {
        tracing::error!(detail = failure.detail, "what detached tasks leave could not be removed");
    }
    let open = match jobs.open_tasks().await {
        Ok(open) => open,
        Err(failure) => {
            tracing::error!(detail = failure.detail, "the detached tasks could not be read");
            return false;
        }
    };
    let is_idle = open.is_empty();
    let due = open.into_iter().filter(|kept| is_due(kept, now));
    let check = |kept: KeptTask| async move {
        if let Err(failure) = jobs.check_task(&kept).await {
            tracing::error!(detail = failure.detail, "what was seen of a detached task could not be kept");
        }
    };
    futures::stream::iter(due).for_each_concurrent(AT_ONCE, check).await;
    is_idle
}

fn is_due(kept: &KeptTask, now: Timestamp) -> bool {
    let interval = kept.task.push_interval.unwrap_or(INTERVAL).min(INTERVAL);
    let last = kept.task.asked_at.unwrap_or(kept.task.created_at);
    // A clock that was set back must not keep it waiting.
    last > now || last + interval <= now
}
