//! A plugin that keeps failing is not called for a while.
//!
//! After so many failures in a row the breaker opens, and nobody calls the plugin. When the time is over, one job may try
//! it, and as long as nothing comes of that, one more after each such time. If it fails again, the next time is twice as
//! long; a success closes the breaker. Each version of a plugin has a breaker of its own, which is closed at first.

mod turn;

use crate::config::BreakerConfig;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use hostler_model::{BreakerInfo, BreakerState, ErrorKind, Failure, Phase};
use jiff::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

pub(crate) use turn::Turn;

/// See the module.
pub(crate) struct Breaker {
    config: BreakerConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Failures in a row, by step.
    failures: [u32; 2],
    /// How often it opened.
    opened: u64,
    open: Option<Open>,
}

/// Why nobody may call.
struct Open {
    until: Instant,
    wait: Duration,
    waits: ExponentialBackoff,
}

/// What a plugin is called for. Each counts by itself: a driver that validates well may fail whatever it carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To validate or to review a job.
    Preparation,
    /// To carry it out, or to authorize what it does.
    Work,
}

/// Leave to call. It is worth nothing once the breaker has opened anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pass(u64);

impl Breaker {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Self { config, state: Mutex::default() }
    }

    /// Whether a job that has this pass, or none yet, may call; else how long it has to wait.
    pub(crate) fn admit(&self, pass: Option<Pass>, now: Instant) -> Result<Pass, Duration> {
        let mut state = self.state();
        let current = Pass(state.opened);
        if pass == Some(current) {
            return Ok(current);
        }
        if let Some(open) = &mut state.open {
            let left = open.until.saturating_duration_since(now);
            if !left.is_zero() {
                return Err(left);
            }
            // This one tries. It may be cancelled before it comes to anything.
            open.until = now + open.wait;
        }
        Ok(current)
    }

    /// Takes note of a success; answers whether that closed the breaker.
    pub(crate) fn succeeded(&self, step: Step) -> bool {
        let mut state = self.state();
        state.failures[step as usize] = 0;
        let closes = state.failures.iter().all(|failures| *failures < self.config.failures);
        closes && state.open.take().is_some()
    }

    /// Takes note of a failure of a job with this pass; answers for how long nobody may call, if that opened the breaker.
    pub(crate) fn failed(&self, step: Step, pass: Pass, now: Instant) -> Option<Duration> {
        let mut state = self.state();
        if state.open.is_some() && pass != Pass(state.opened) {
            return None; // it was called before the breaker opened
        }
        let failures = &mut state.failures[step as usize];
        *failures = failures.saturating_add(1);
        let opens = self.config.failures > 0 && *failures >= self.config.failures;
        let mut waits = match state.open.take() {
            Some(open) => open.waits,
            None if opens => self.config.waits(),
            None => return None,
        };
        let wait = waits.next().unwrap_or(self.config.max_wait());
        state.opened += 1;
        state.open = Some(Open { until: now + wait, wait, waits });
        Some(wait)
    }

    /// As it is shown.
    pub(crate) fn info(&self, now: Instant) -> BreakerInfo {
        let state = self.state();
        let left = state.open.as_ref().map(|open| open.until.saturating_duration_since(now));
        let breaker = match left {
            None => BreakerState::Closed,
            Some(Duration::ZERO) => BreakerState::HalfOpen,
            Some(_) => BreakerState::Open,
        };
        BreakerInfo {
            state: breaker,
            until: left.filter(|left| !left.is_zero()).and_then(|left| Timestamp::now().checked_add(left).ok()),
            failures: state.failures.into_iter().max().unwrap_or_default(),
            opened: state.opened,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BreakerConfig {
    fn max_wait(&self) -> Duration {
        Duration::from_secs(self.max_wait.max(self.wait).into())
    }

    fn waits(&self) -> ExponentialBackoff {
        let first = Duration::from_secs(self.wait.into());
        let waits = ExponentialBuilder::new().with_min_delay(first).with_max_delay(self.max_wait());
        waits.without_max_times().build()
    }
}

/// Whether a plugin itself did wrong: it trapped, broke a limit, or answered with nonsense. What it answers as an error is
/// none of that, nor is being busy.
pub(crate) fn is_own_fault(failure: &Failure) -> bool {
    let busy = [ErrorKind::Throttled, ErrorKind::Busy, ErrorKind::PluginUnavailable];
    failure.phase == Phase::Plugin && !busy.contains(&failure.kind)
}

#[cfg(test)]
mod tests;
