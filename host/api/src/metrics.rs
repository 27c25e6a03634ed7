//! What is counted of HTTP.

use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// What is counted of HTTP. Nothing is counted by client, host or user.
#[derive(Clone)]
pub(crate) struct Metrics {
    requests: Family<Answered, Histogram>,
}

/// How a request was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    /// The template of the route, or `other`.
    route: String,
    /// The first digit of the status, as in `2xx`.
    status: String,
}

impl Default for Metrics {
    fn default() -> Self {
        // From half a millisecond to a minute, which is the longest a client may wait.
        Self { requests: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 3.2, 11))) }
    }
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Time until the head of the answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, self.requests.clone());
    }

    /// Takes note of an answer.
    pub(crate) fn answered(&self, route: Option<&str>, status: StatusCode, duration: Duration) {
        let route = route.unwrap_or("other").to_owned();
        let answered = Answered { route, status: format!("{}xx", status.as_u16() / 100) };
        self.requests.get_or_create(&answered).observe(duration.as_secs_f64());
    }
}
