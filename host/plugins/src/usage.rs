//! What a plugin used up, and how often it was refused something.

use serde::{Serialize, Serializer};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts since the plugin was loaded.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Usage {
    /// Calls of its exports.
    calls: AtomicU64,
    /// Calls that failed: a trap, a limit, nonsense.
    failed_calls: AtomicU64,
    /// Actions and jobs of it that grants or policies denied.
    denials: AtomicU64,
    /// The most linear memory that an instance had, in bytes.
    peak_memory: AtomicU64,
    /// The most CPU time that a budget was charged, in microseconds.
    #[serde(rename = "peak_cpu_ms", serialize_with = "milliseconds")]
    peak_cpu: AtomicU64,
    /// The CPU time that all calls were charged, in microseconds.
    #[serde(rename = "cpu_ms", serialize_with = "milliseconds")]
    cpu: AtomicU64,
}

/// What is counted on and on.
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) failed_calls: u64,
    pub(crate) denials: u64,
    pub(crate) cpu: Duration,
}

impl Usage {
    /// Takes note of a call that is over.
    pub(crate) fn called(&self, succeeded: bool, memory: usize, cpu: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.failed_calls.fetch_add(u64::from(!succeeded), Ordering::Relaxed);
        self.peak_memory.fetch_max(memory as u64, Ordering::Relaxed);
        let cpu = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
        self.peak_cpu.fetch_max(cpu, Ordering::Relaxed);
        self.cpu.fetch_add(cpu, Ordering::Relaxed);
    }

    /// What has been counted so far.
    pub(crate) fn counts(&self) -> Counts {
        let now = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            calls: now(&self.calls),
            failed_calls: now(&self.failed_calls),
            denials: now(&self.denials),
            cpu: Duration::from_micros(now(&self.cpu)),
        }
    }

    /// Takes note of a denial.
    pub(crate) fn denied(&self) {
        self.denials.fetch_add(1, Ordering::Relaxed);
    }
}

fn milliseconds<S: Serializer>(microseconds: &AtomicU64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(microseconds.load(Ordering::Relaxed) / 1000)
}
