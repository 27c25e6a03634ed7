//! `GET /worker` and `DELETE /worker`.

use super::refused::Refused;
use super::{Envelope, success};
use crate::dialect::fault::{Fault, Faults};
use crate::dialect::queue::{NODE, Queue};
use crate::dialect::worker::{self, Worker};
use crate::guard::{Canceler, Reader};
use crate::{Api, key, query};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;

/// Which workers a query means. All that are set must hold. All are on one node.
#[derive(Default)]
pub(in crate::dialect) struct Wanted {
    name: Option<String>,
    queue: Option<String>,
    node: Option<String>,
    host: Option<String>,
}

impl Wanted {
    /// Reads a query. A parameter without a value is as if absent.
    pub(in crate::dialect) fn read(uri: &Uri) -> Result<Self, Faults> {
        let (mut wanted, mut faults) = (Self::default(), Faults::default());
        for (name, value) in query::pairs(uri).into_iter().filter(|(name, it)| name != key::NAME && !it.is_empty()) {
            match name.as_str() {
                "name" => wanted.name = Some(value),
                "queue" => wanted.queue = Some(value),
                "node" => wanted.node = Some(value),
                "host" => wanted.host = Some(value),
                _ => faults.0.push(Fault::unknown(["query", name.as_str()])),
            }
        }
        if faults.0.is_empty() { Ok(wanted) } else { Err(faults) }
    }

    pub(in crate::dialect) fn is_everything(&self) -> bool {
        [&self.name, &self.queue, &self.node, &self.host].iter().all(|filter| filter.is_none())
    }

    pub(in crate::dialect) fn means(&self, worker: &Worker) -> bool {
        let of_host = |host: &String| matches!(&worker.queue, Some(Queue::Host(its)) if its == host);
        self.name.as_ref().is_none_or(|name| *name == worker.name)
            && self.queue.as_ref().is_none_or(|queue| *queue == worker.queues[0])
            && self.node.as_ref().is_none_or(|node| node == NODE)
            && self.host.as_ref().is_none_or(of_host)
    }
}

pub(super) async fn list(
    Reader(caller): Reader,
    State(api): State<Api>,
    uri: Uri,
) -> Result<Json<Envelope<Vec<Worker>>>, Refused> {
    let wanted = Wanted::read(&uri)?;
    let workers = worker::list(&api, &caller).await?;
    Ok(success(workers.into_iter().filter(|worker| wanted.means(worker)).collect()))
}

/// See [`worker::stop`]. Without a filter it stops nothing, like `DELETE /job`.
pub(super) async fn delete(
    Canceler(caller): Canceler,
    State(api): State<Api>,
    uri: Uri,
) -> Result<Json<Envelope<Vec<String>>>, Refused> {
    let wanted = Wanted::read(&uri)?;
    if wanted.is_everything() {
        return Ok(success(Vec::new()));
    }
    let mut workers = worker::list(&api, &caller).await?;
    workers.retain(|worker| wanted.means(worker));
    Ok(success(worker::stop(&api, caller, workers, "DELETE /job").await?))
}
