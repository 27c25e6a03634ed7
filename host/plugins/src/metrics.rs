//! What is counted of plugins, read where it is kept.

use crate::Plugins;
use crate::terms::Terms;
use hostler_model::BreakerState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType::{self, Counter, Gauge};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;

/// A figure: its name, what it means, and where it is found.
type Figure = (&'static str, &'static str, MetricType, fn(&Terms) -> f64);

#[expect(clippy::cast_precision_loss, reason = "nobody minds one call in 2^53")]
const FIGURES: [Figure; 6] = [
    ("plugin_calls", "Calls of exports of plugins", Counter, |terms| terms.usage.counts().calls as f64),
    ("plugin_failed_calls", "Calls that ended by a trap, a limit or nonsense", Counter, |terms| {
        terms.usage.counts().failed_calls as f64
    }),
    ("plugin_denials", "Actions and jobs that grants or policies denied", Counter, |terms| {
        terms.usage.counts().denials as f64
    }),
    ("plugin_cpu_seconds", "CPU time of plugins, and of the host where it answers them at once", Counter, |terms| {
        terms.usage.counts().cpu.as_secs_f64()
    }),
    ("plugin_breaker_openings", "Times that a plugin failed too often in a row to be called", Counter, |terms| {
        terms.breaker.info(Instant::now()).opened as f64
    }),
    ("plugin_breaker_open", "Whether a plugin is not called because it failed too often", Gauge, |terms| {
        f64::from(u8::from(terms.breaker.info(Instant::now()).state != BreakerState::Closed))
    }),
];

/// The plugins in service.
struct InService(Arc<Plugins>);

impl Plugins {
    /// Has calls, traps, denials, CPU time and breakers counted, by plugin and since it was loaded.
    pub fn register(self: &Arc<Self>, registry: &mut Registry) {
        registry.register_collector(Box::new(InService(Arc::clone(self))));
    }
}

impl fmt::Debug for InService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InService")
    }
}

impl Collector for InService {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let table = self.0.table();
        for (name, help, kind, value) in FIGURES {
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for plugin in table.loaded.values() {
                let labels = [("plugin", &*plugin.terms.name)];
                let (value, metric) = (value(&plugin.terms), family.encode_family(&labels)?);
                match kind {
                    Gauge => ConstGauge::new(value).encode(metric)?,
                    _ => ConstCounter::new(value).encode(metric)?,
                }
            }
        }
        Ok(())
    }
}
