//! The query of `GET /job` and `DELETE /job`.

use crate::dialect::fault::{Fault, Faults};
use crate::dialect::queue::{NODE, Queue};
use crate::dialect::states;
use crate::{key, query};
use axum::http::Uri;
use hostler_jobs::Filter;

/// Which jobs a query means. All jobs are on one node; `id` overrides everything else.
#[derive(Default)]
pub(in crate::dialect) struct Wanted {
    filter: Filter,
    filtered: bool,
    nothing: bool,
}

impl Wanted {
    /// Whether the query names no filter at all.
    pub(in crate::dialect) fn is_everything(&self) -> bool {
        !self.filtered
    }

    /// What to look for, or `None` if no job can match.
    pub(in crate::dialect) fn filter(self) -> Option<Filter> {
        (!self.nothing).then_some(self.filter)
    }

    fn host(&mut self, host: &str) {
        self.nothing |= self.filter.host.as_deref().is_some_and(|before| before != host);
        self.filter.host = Some(host.into());
    }
}

/// Reads a query. A parameter without a value is as if absent.
pub(in crate::dialect) fn read(uri: &Uri) -> Result<Wanted, Faults> {
    let (mut wanted, mut faults) = (Wanted::default(), Faults::default());
    let pairs = query::pairs(uri);
    let given = pairs.iter().filter(|(name, value)| name != key::NAME && !value.is_empty());
    let mut ids = Vec::new();
    for (name, value) in given {
        wanted.filtered = true;
        match name.as_str() {
            "id" => ids.push(value),
            "queue" => match Queue::read(value).map(|queue| queue.filter()) {
                Some(Filter { pinned, host, .. }) => {
                    wanted.filter.pinned = pinned;
                    host.iter().for_each(|host| wanted.host(host));
                }
                None => wanted.nothing = true,
            },
            "node" => wanted.nothing |= value != NODE,
            "host" => wanted.host(value),
            "status" => wanted.filter.states = faults.keep(states::read(value)).into_iter().collect(),
            _ => faults.0.push(Fault::unknown(["query", name])),
        }
    }
    if !faults.0.is_empty() {
        return Err(faults);
    }
    Ok(match ids.last() {
        // What is no UUID is the name of no job.
        Some(id) => match id.parse() {
            Ok(id) => Wanted { filter: Filter { id: Some(id), ..Filter::default() }, filtered: true, nothing: false },
            Err(_) => Wanted { nothing: true, ..wanted },
        },
        None => wanted,
    })
}
