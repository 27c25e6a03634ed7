//! What the operator says about HTTP.

use serde::Deserialize;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

/// The section `[api]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where clients reach the daemon, such as `https://hostler.example`: so the addresses begin that it gives them. Absent:
    /// as each of them has reached it.
    pub external_url: Option<String>,
    /// The largest body of a request, in bytes. A larger one is answered with 413.
    pub body_limit: usize,
    /// The largest body with a batch, in bytes.
    pub batch_body_limit: usize,
    /// How many targets a batch has at most.
    pub max_batch: usize,
    /// How long a body may take to arrive, in seconds.
    pub body_read_timeout: u64,
    /// How long the head of a request may take to arrive, in seconds. An idle connection is closed after it, too.
    pub header_read_timeout: u64,
    /// How many connections are open at once. For one more, the one is closed that has been idle for the longest time; if all have
    /// requests under way, it waits.
    pub max_connections: NonZeroU16,
    /// How many clients follow the events of jobs at once. One more is answered with 503.
    pub max_followers: u16,
    /// How long requests may take to end when the daemon shuts down, in seconds.
    pub drain_timeout: u64,
    /// Whether `/metrics` is shown without a key.
    pub open_metrics: bool,
    /// How many requests a second an API key may make in the long run, unless it says so itself. The operator's may make
    /// any number.
    pub rate_per_second: NonZeroU32,
    /// How many it may make at once.
    pub rate_burst: NonZeroU32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            external_url: None,
            body_limit: 4 << 20,
            batch_body_limit: 16 << 20,
            max_batch: 10_000,
            body_read_timeout: 30,
            header_read_timeout: 30,
            max_connections: NonZeroU16::new(1024).expect("1024 is not 0"),
            max_followers: 256,
            drain_timeout: 10,
            open_metrics: false,
            rate_per_second: NonZeroU32::new(200).expect("200 is not 0"),
            rate_burst: NonZeroU32::new(400).expect("400 is not 0"),
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
