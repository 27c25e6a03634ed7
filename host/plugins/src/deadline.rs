//! When a job has to end, and who says so.

use hostler_model::{ErrorKind, Failure, Phase};
use std::time::Duration;
use tokio::time::Instant;

/// The least of the times that a job may take.
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) time: Duration,
    /// Whose time it is, in words.
    limit: &'static str,
}

impl Deadline {
    /// A job that begins now.
    pub(crate) fn new(asked: Option<Duration>, driver: Duration, operator: Duration) -> Self {
        let (time, limit) = [
            (asked.unwrap_or(Duration::MAX), "its execution_timeout"),
            (operator, "the operator's max_execution_time"),
            (driver, "its driver's limit job_ms"),
        ]
        .into_iter()
        .min_by_key(|(time, _)| *time)
        .expect("there are three");
        Self { at: Instant::now() + time, time, limit }
    }

    /// Work of the daemon's own that begins now and may take so long.
    pub(crate) fn visit(time: Duration) -> Self {
        Self { at: Instant::now() + time, time, limit: "the daemon's patience with the target" }
    }

    /// What is said when it has passed.
    pub(crate) fn passed(&self) -> Failure {
        let message = format!("the job took longer than {} of {} s", self.limit, self.time.as_secs_f64());
        Failure::new(ErrorKind::Timeout, Phase::Exec, message)
    }
}
