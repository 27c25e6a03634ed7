//! What a plugin may use up, and the meters that watch it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;
use wasmtime::ResourceLimiter;

/// What one plugin instance may use up. All limits are on by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Linear memory, in bytes, all memories of the component together.
    pub memory: usize,
    /// Time in which the guest computes, and the host at once for it, in milliseconds: per job for a driver, per call for
    /// a policy.
    pub cpu_ms: u64,
    /// Wall clock of one call that reaches no server (describe, validate, review, authorize), in
    /// milliseconds. `execute` has `job_ms`.
    pub call_ms: u64,
    /// Wall clock of a job, in milliseconds.
    pub job_ms: u64,
    /// Jobs that a driver carries out at once, and validates at once. More wait.
    pub concurrency: usize,
    /// Bytes that one call may make the host copy.
    pub call_bytes: usize,
    /// Open handles: sessions, shells, `sftp`, files and secrets.
    pub handles: usize,
    /// Open sessions and shells, and as many `sftp`.
    pub sessions: usize,
    /// Output that is kept of each stream of each command, in bytes: half from its head, half from
    /// its tail. A shell may show as much that its driver has not consumed.
    pub output: usize,
    /// Output that is kept of a whole job, in bytes. What comes later is only counted.
    pub job_output: usize,
    /// Commands per job, and what else is a result.
    pub runs: usize,
    /// Bytes written to the log per instance; each message counts for 64 more.
    pub log: usize,
}

impl Limits {
    pub(crate) fn driver() -> Self {
        Self {
            memory: 64 << 20,
            cpu_ms: 10_000,
            call_ms: 5_000,
            job_ms: 24 * 3_600_000,
            concurrency: 64,
            call_bytes: 8 << 20,
            handles: 256,
            sessions: 4,
            output: 1 << 20,
            job_output: 16 << 20,
            runs: 1_000,
            log: 64 << 10,
        }
    }

    pub(crate) fn policy() -> Self {
        Self { memory: 32 << 20, cpu_ms: 100, call_ms: 2_000, ..Self::driver() }
    }

    /// These limits, some of them replaced by what the operator says of one plugin.
    pub(crate) fn with(&self, other: &Map<String, Value>) -> Result<Self, String> {
        let mut fields = self.fields();
        fields.extend(other.clone());
        serde_json::from_value(fields.into()).map_err(|error| format!("limits: {error}"))
    }

    /// These limits, some of them lowered to what a plugin asks for. One that it asks beyond them is an error,
    /// because it would fail sooner or later.
    pub(crate) fn narrowed(&self, asked: &Map<String, Value>) -> Result<Self, String> {
        match self.exceeded(asked).next() {
            Some((name, wanted, most)) => Err(format!("it needs {name} = {wanted}; the operator allows {most}")),
            None => self.with(asked),
        }
    }

    /// What is asked for beyond these limits: its name, how much, and how much is allowed.
    pub(crate) fn exceeded<'a>(&self, asked: &'a Map<String, Value>) -> impl Iterator<Item = (&'a str, u64, u64)> {
        let allowed = self.fields();
        asked.iter().filter_map(move |(name, wanted)| {
            let (wanted, most) = (wanted.as_u64()?, allowed.get(name)?.as_u64()?);
            (wanted > most).then_some((name.as_str(), wanted, most))
        })
    }

    fn fields(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            _ => unreachable!("limits are numbers with names"),
        }
    }

    pub(crate) fn job_time(&self) -> Duration {
        Duration::from_millis(self.job_ms)
    }

    pub(crate) fn call_time(&self) -> Duration {
        Duration::from_millis(self.call_ms)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::driver()
    }
}

/// Watches the memory of one store.
pub(crate) struct Meter {
    memory: usize,
    memory_left: usize,
    /// The guest asked for more than it may have; says why it trapped afterwards.
    pub(crate) memory_refused: bool,
}

impl Meter {
    pub(crate) fn new(memory: usize) -> Self {
        Self { memory, memory_left: memory, memory_refused: false }
    }

    /// Bytes of linear memory that the store has: memories never shrink.
    pub(crate) fn used(&self) -> usize {
        self.memory - self.memory_left
    }
}

/// Component runtimes of scripting languages link several core modules: Python needs 38.
pub(crate) const MAX_CORE_INSTANCES: u32 = 64;
const MAX_TABLE_ELEMENTS: usize = 20_000;

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        match self.memory_left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => self.memory_left = left,
            None => self.memory_refused = true,
        }
        Ok(!self.memory_refused)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }
}
