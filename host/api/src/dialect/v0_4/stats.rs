//! `GET /system/stats`.

use super::refused::Refused;
use crate::Api;
use crate::dialect::queue::Queue;
use crate::dialect::worker;
use crate::guard::Reader;
use axum::Json;
use axum::extract::State;
use hostler_jobs::{Filter, State as Standing};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Counts what the caller reaches.
pub(super) async fn stats(Reader(caller): Reader, State(api): State<Api>) -> Result<Json<Value>, Refused> {
    let workers = worker::list(&api, &caller).await?;
    let pinned = workers.iter().filter(|worker| matches!(worker.queue, Some(Queue::Host(_)))).count();
    let busy = workers.iter().filter(|worker| worker.is_busy()).count();
    let counts = api.backend.counts(Filter { caller: caller.reach(), ..Filter::default() }).await?;
    let count = |state| counts.get(&state).copied().unwrap_or_default();
    Ok(Json(json!({
        "status": "online",
        "workers": {
            "total": workers.len(),
            "pinned": pinned,
            "fifo": 1,
            "node": 1,
            "idle": workers.len() - busy,
            "busy": busy,
        },
        "jobs": {
            "succeeded": count(Standing::Finished),
            "failed": count(Standing::Failed),
            "in_progress": count(Standing::Started),
            "queued": count(Standing::Queued),
            "total": counts.values().sum::<u64>(),
        },
        // There is no one number: limits go by target, jump host, caller and driver.
        "nodes": {"active": 1, "total_capacity": null},
        // Nothing here ends itself to be begun again.
        "self_healing": {"total_triggers": 0},
        "uptime_seconds": Timestamp::now().duration_since(api.started_at).as_secs(),
    })))
}
