//! A plugin that keeps failing is not called for a while.
//!
//! After so many failures in a row the breaker opens, and nobody calls the plugin. When the time is over, one job may try
//! it, and as long as nothing comes of that, one more after each such time, or at once when the job is over. If it fails
//! again, the next time is twice as long; a success closes the breaker. Each version of a plugin has a breaker of its own,
//! which is closed at first, and a circuit in it for each step that it is called for.

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
    /// By step.
    circuits: Mutex<[Circuit; 3]>,
}

#[derive(Default)]
struct Circuit {
    /// In a row.
    failures: u32,
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

/// What a plugin is called for. Each counts by itself: a driver that validates well may fail whatever it carries out, and
/// what a policy cannot review must not stop the jobs that it let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To validate or to review a job.
    Preparation,
    /// To carry it out, or to authorize what it does.
    Work,
    /// To connect without a job.
    Visit,
}

/// Leave to call for a step. It is worth nothing once the breaker has opened anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    step: Step,
    opened: u64,
}

impl Breaker {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Self { config, circuits: Mutex::default() }
    }

    /// Whether a job that has this pass, or none yet, may call; else how long it has to wait.
    pub(crate) fn admit(&self, step: Step, pass: Option<Pass>, now: Instant) -> Result<Pass, Duration> {
        let circuit = &mut self.circuits()[step as usize];
        let current = Pass { step, opened: circuit.opened };
        if pass == Some(current) {
            return Ok(current);
        }
        if let Some(open) = &mut circuit.open {
            let left = open.until.saturating_duration_since(now);
            if !left.is_zero() {
                return Err(left);
            }
            // This one tries. It may wait for long before it comes to anything.
            open.until = now + open.wait;
        }
        Ok(current)
    }

    /// Takes note of a success; answers whether that closed the breaker.
    pub(crate) fn succeeded(&self, step: Step) -> bool {
        let circuit = &mut self.circuits()[step as usize];
        circuit.failures = 0;
        circuit.open.take().is_some()
    }

    /// Takes note of a failure of a job with this pass; answers for how long nobody may call, if that opened the breaker.
    pub(crate) fn failed(&self, pass: Pass, now: Instant) -> Option<Duration> {
        let circuit = &mut self.circuits()[pass.step as usize];
        if circuit.open.is_some() && pass.opened != circuit.opened {
            return None; // it was called before the breaker opened
        }
        circuit.failures = circuit.failures.saturating_add(1);
        let opens = self.config.failures > 0 && circuit.failures >= self.config.failures;
        let mut waits = match circuit.open.take() {
            Some(open) => open.waits,
            None if opens => self.config.waits(),
            None => return None,
        };
        let wait = waits.next().unwrap_or(self.config.max_wait());
        circuit.opened += 1;
        circuit.open = Some(Open { until: now + wait, wait, waits });
        Some(wait)
    }

    /// Takes back the pass of a job that is over. If it was to try, and nothing came of that, the next one may.
    pub(crate) fn take_back(&self, pass: Pass, now: Instant) {
        let circuit = &mut self.circuits()[pass.step as usize];
        if pass.opened == circuit.opened
            && let Some(open) = &mut circuit.open
        {
            open.until = now;
        }
    }

    /// As it is shown: what is open longest says for how long.
    pub(crate) fn info(&self, now: Instant) -> BreakerInfo {
        let circuits = self.circuits();
        let left = circuits.iter().filter_map(|circuit| circuit.left(now)).max();
        let breaker = match left {
            None => BreakerState::Closed,
            Some(Duration::ZERO) => BreakerState::HalfOpen,
            Some(_) => BreakerState::Open,
        };
        BreakerInfo {
            state: breaker,
            until: left.filter(|left| !left.is_zero()).and_then(|left| Timestamp::now().checked_add(left).ok()),
            failures: circuits.iter().map(|circuit| circuit.failures).max().unwrap_or_default(),
            opened: circuits.iter().map(|circuit| circuit.opened).sum(),
        }
    }

    fn circuits(&self) -> MutexGuard<'_, [Circuit; 3]> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circuit {
    /// For how long nobody may call, if it is open.
    fn left(&self, now: Instant) -> Option<Duration> {
        self.open.as_ref().map(|open| open.until.saturating_duration_since(now))
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
