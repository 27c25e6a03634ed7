//! Asks the targets of detached tasks how these are, also when nobody else does, and has webhooks told of them.

use crate::store::KeptTask;
use crate::store::tasks::is_open;
use crate::{Jobs, clock};
use hostler_model::{Task, TaskId};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
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
    let mut looks = Looks::default();
    while let Some(now) = jobs() {
        let supervised = now.supervised();
        let is_idle = looks.round(&now).await;
        drop(now);
        if is_idle {
            let _due = timeout(IDLE, supervised.notified()).await;
        } else {
            sleep(ROUND).await;
        }
    }
}

/// The looks that are under way. A target that does not answer holds up no other.
#[derive(Default)]
struct Looks {
    tasks: JoinSet<()>,
    at: HashMap<Id, TaskId>,
}

impl Looks {
    /// Asks about those whose turn has come; answers whether there is none at all.
    async fn round(&mut self, jobs: &Jobs) -> bool {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.at.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
        }
        let now = clock::now();
        if let Err(failure) = jobs.expire_tasks(now - READABLE).await {
            tracing::error!(detail = failure.detail, "what detached tasks leave could not be removed");
        }
        let mut open = match jobs.open_tasks().await {
            Ok(open) => open,
            Err(failure) => {
                tracing::error!(detail = failure.detail, "the detached tasks could not be read");
                return false;
            }
        };
        let is_idle = open.is_empty();
        // Where there are more than can be asked at once, each has its turn.
        open.sort_by_key(|kept| kept.task.asked_at);
        for kept in open {
            let (id, is_told) = (kept.task.id.clone(), is_told(&kept, now));
            let is_due = is_told || is_asked(&kept, now);
            if is_due && self.at.len() < AT_ONCE && !self.at.values().any(|other| *other == id) {
                self.at.insert(self.tasks.spawn(look(jobs.clone(), kept, is_told)).id(), id);
            }
        }
        is_idle
    }
}

async fn look(jobs: Jobs, kept: KeptTask, is_told: bool) {
    if let Err(failure) = jobs.check_task(&kept, is_told).await {
        tracing::error!(detail = failure.detail, "what was seen of a detached task could not be kept");
    }
}

/// The time between two looks at a task for those who are told of it.
pub(crate) fn interval(task: &Task) -> Duration {
    task.push_interval.unwrap_or(INTERVAL)
}

/// Whether it is time to look for something to tell.
fn is_told(kept: &KeptTask, now: Timestamp) -> bool {
    // A clock that was set back must not keep it waiting.
    let is_time = |at: Timestamp| at <= now || at > now + interval(&kept.task);
    !kept.unheard && kept.telling.is_some_and(|telling| is_time(telling.next_at))
}

/// Whether nobody knows any more how it is.
fn is_asked(kept: &KeptTask, now: Timestamp) -> bool {
    let last = kept.task.asked_at.unwrap_or(kept.task.created_at);
    is_open(kept.task.state) && (last > now || last + interval(&kept.task).min(INTERVAL) <= now)
}
