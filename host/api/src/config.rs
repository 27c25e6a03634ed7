//! What the operator says about HTTP.

use serde::Deserialize;
use std::num::NonZeroU16;
use std::time::Duration;

/// The section `[api]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The largest body of a request, in bytes. A larger one is answered with 413.
    pub body_limit: usize,
    /// How long a body may take to arrive, in seconds.
    pub body_read_timeout: u64,
    /// How long the head of a request may take to arrive, in seconds. An idle connection is closed after it, too.
    pub header_read_timeout: u64,
    /// How many connections are open at once. For one more, the one is closed that has been idle for the longest time; if all have
    /// requests under way, it waits.
    pub max_connections: NonZeroU16,
    /// How long requests may take to end when the daemon shuts down, in seconds.
    pub drain_timeout: u64,
    /// Whether `/metrics` is shown without a key.
    pub open_metrics: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            body_limit: 4 << 20,
            body_read_timeout: 30,
            header_read_timeout: 30,
            max_connections: NonZeroU16::new(1024).expect("1024 is not 0"),
            drain_timeout: 10,
            open_metrics: false,
        }
    }
}

impl Config {
    pub(crate) fn body_read_timeout(&self) -> Duration {
        Duration::from_secs(self.body_read_timeout)
    }

    pub(crate) fn header_read_timeout(&self) -> Duration {
        Duration::from_secs(self.header_read_timeout)
    }

    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_secs(self.drain_timeout)
    }
}
