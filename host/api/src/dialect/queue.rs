//! Queues and workers, as which the daemon shows what it does at once.

use hostler_jobs::{Filter, Job};
use std::fmt;

/// The one node, as which this daemon shows itself.
pub(super) const NODE: &str = "hostler";

/// What the name of the queue of a host begins with.
const HOST: &str = "HostQ_";

/// Where a job stands in line.
#[derive(Clone, PartialEq)]
pub(super) enum Queue {
    /// With all that have a connection of their own.
    Fifo,
    /// With the pinned jobs of this host.
    Host(String),
}

impl Queue {
    /// The one that a job is in.
    pub(super) fn of(job: &Job) -> Self {
        if job.options.pinned { Self::Host(job.plan.target.host.clone()) } else { Self::Fifo }
    }

    /// The one of this name.
    pub(super) fn read(name: &str) -> Option<Self> {
        match name.strip_prefix(HOST) {
            Some(host) => Some(Self::Host(host.into())),
            None => (name == "FifoQ").then_some(Self::Fifo),
        }
    }

    /// The jobs in it.
    pub(super) fn filter(&self) -> Filter {
        match self {
            Self::Fifo => Filter { pinned: Some(false), ..Filter::default() },
            Self::Host(host) => Filter { pinned: Some(true), host: Some(host.clone()), ..Filter::default() },
        }
    }

    /// The name of the worker that carries out its jobs.
    pub(super) fn worker(&self) -> String {
        format!("{NODE}_{self}")
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fifo => f.write_str("FifoQ"),
            Self::Host(host) => write!(f, "{HOST}{host}"),
        }
    }
}
