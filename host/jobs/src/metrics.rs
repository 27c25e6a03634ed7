//! What is counted of jobs. Nothing is counted by host, user or caller.

use crate::{Job, Jobs};
use hostler_model::Outcome;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;

/// What is counted of jobs that have ended.
pub(crate) struct Metrics {
    waits: Histogram,
    runs: Family<[(&'static str, String); 1], Histogram>,
    ended: Family<End, Counter>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct End {
    state: String,
    /// The kind of its error, or `none`.
    kind: String,
    driver: String,
}

/// From a millisecond to half an hour.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 3.5, 12))
}

impl Default for Metrics {
    fn default() -> Self {
        Self { waits: seconds(), runs: Family::new_with_constructor(seconds), ended: Family::default() }
    }
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let wait = "Time from the submission of a job to its start";
        registry.register_with_unit("job_wait", wait, Unit::Seconds, self.waits.clone());
        registry.register_with_unit(
            "job_run",
            "Time from the start of a job to its end",
            Unit::Seconds,
            self.runs.clone(),
        );
        registry.register("jobs_ended", "Jobs that have ended, by state, kind of error and driver", self.ended.clone());
    }

    /// Takes note of a job that has ended.
    pub(crate) fn ended(&self, job: &Job) {
        self.count(job);
        if let (Some(started), Some(ended)) = (job.started_at, job.ended_at) {
            self.waits.observe(between(job.created_at, started));
            self.runs.get_or_create(&[("driver", job.driver.clone())]).observe(between(started, ended));
        }
    }

    /// The same for one that ended while no daemon ran: its times would tell how long that was.
    pub(crate) fn count(&self, job: &Job) {
        let error = job.outcome.as_ref().and_then(|outcome: &Outcome| outcome.error.as_ref());
        let kind = error.map_or_else(|| "none".into(), |error| error.kind.label());
        self.ended.get_or_create(&End { state: job.state.to_string(), kind, driver: job.driver.clone() }).inc();
    }
}

#[cfg(test)]
impl Metrics {
    /// How many jobs ended like this, by what is shown of it.
    pub(crate) fn count_of(&self, state: &str, kind: &str) -> u64 {
        let (state, kind, driver) = (state.into(), kind.into(), "paramiko".into());
        self.ended.get_or_create(&End { state, kind, driver }).get()
    }
}

/// Seconds; none if the clock was set back in between.
fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).max(SignedDuration::ZERO).as_secs_f64()
}

/// The jobs that have not ended, counted when somebody looks.
pub(crate) struct Open(pub(crate) Jobs);

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open")
    }
}

impl Collector for Open {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (queued, running) = self.0.open();
        for (name, help, count) in [
            ("jobs_queued", "Jobs that wait for a place", queued),
            ("jobs_running", "Jobs that are being carried out", running),
        ] {
            let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}
