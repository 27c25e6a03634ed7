//! What a job needs a place at while it runs.

use crate::{Config, Job};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// All that one job needs. Jobs with equal needs take turns.
pub(crate) type Needs = Arc<[Need]>;

/// One place, where there are only so many.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Need {
    pub(crate) at: Key,
    pub(crate) limit: u32,
}

/// What limits go by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// The pinned jobs for a host and port, whatever the user.
    Pinned(String, u16),
    Target(String, u16),
    JumpHost(String, u16),
    Caller(String),
    Driver(String),
}

impl Need {
    /// What this job needs, if its driver carries out so many at once.
    pub(crate) fn of(job: &Job, config: &Config, concurrency: usize) -> Needs {
        let target = &job.plan.target;
        let place = |host: &String, port| (host.to_ascii_lowercase(), port);
        let (host, port) = place(&target.host, target.port);
        let pinned = job.options.pinned.then(|| Key::Pinned(host.clone(), port));
        let mut needs: Vec<Self> = pinned.map(|at| Self { at, limit: 1 }).into_iter().collect();
        let mut limited = |at, limit: Option<NonZeroU32>| {
            let need = limit.map(|limit| Self { at, limit: limit.get() });
            // A way may lead through the same host twice.
            needs.extend(need.filter(|need| !needs.contains(need)).into_iter().collect::<Vec<_>>());
        };
        limited(Key::Target(host, port), config.max_running_per_target);
        for jump in &target.jumps {
            let (host, port) = place(&jump.host, jump.port);
            limited(Key::JumpHost(host, port), config.max_running_per_jump_host);
        }
        limited(Key::Caller(job.caller.clone()), config.max_running_per_caller);
        let concurrency = u32::try_from(concurrency).unwrap_or(u32::MAX);
        limited(Key::Driver(job.driver.clone()), NonZeroU32::new(concurrency));
        needs.into()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(host, port) => write!(f, "pinned jobs for {host}:{port}"),
            Self::Target(host, port) => write!(f, "target {host}:{port}"),
            Self::JumpHost(host, port) => write!(f, "jump host {host}:{port}"),
            Self::Caller(name) => write!(f, "caller {name}"),
            Self::Driver(name) => write!(f, "driver {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::Lanes;
    use crate::store::conformance::queued;
    use hostler_model::Hop;

    /// Why the second of these jobs waits while the first one runs.
    fn waiting_for(config: &Config, first: &Job, second: &Job) -> Option<String> {
        let mut lanes = Lanes::new(9);
        let needs = |job| Need::of(job, config, 9);
        assert!(lanes.start(&needs(first)));
        lanes.waiting_for(&needs(second))
    }

    #[test]
    fn jobs_that_go_through_one_jump_host_wait_for_each_other() {
        let config = Config { max_running_per_jump_host: NonZeroU32::new(1), ..Config::default() };
        let through = |target, jumps: &[&str]| {
            let mut job = queued(target);
            let hop = |host: &&str| Hop { host: (*host).into(), port: 22, user: "admin".into() };
            job.plan.target.jumps = jumps.iter().map(hop).collect();
            job
        };
        let first = through("a", &["jump", "other", "jump"]);
        let why = waiting_for(&config, &first, &through("b", &["third", "JUMP"]));
        assert_eq!(why.as_deref(), Some("jump host jump:22: 1 of 1 jobs run"));
        assert_eq!(waiting_for(&config, &first, &through("b", &["third"])), None);
    }

    #[test]
    fn jobs_of_one_caller_wait_for_each_other() {
        let config = Config { max_running_per_caller: NonZeroU32::new(1), ..Config::default() };
        let (first, other) = (queued("a"), Job { caller: "another".into(), ..queued("b") });
        let why = waiting_for(&config, &first, &queued("b"));
        assert_eq!(why.as_deref(), Some("caller somebody: 1 of 1 jobs run"));
        assert_eq!(waiting_for(&config, &first, &other), None);
    }
}
