//! What is counted of plugins, read where it is kept.

use crate::Plugins;
use crate::usage::Counts;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// A count: its name, what it means, and where it is found.
type Count = (&'static str, &'static str, fn(&Counts) -> f64);

#[expect(clippy::cast_precision_loss, reason = "nobody minds one call in 2^53")]
const COUNTS: [Count; 4] = [
    ("plugin_calls", "Calls of exports of plugins", |counts| counts.calls as f64),
    ("plugin_failed_calls", "Calls that ended by a trap, a limit or nonsense", |counts| counts.failed_calls as f64),
    ("plugin_denials", "Actions and jobs that grants or policies denied", |counts| counts.denials as f64),
    ("plugin_cpu_seconds", "CPU time of plugins, in ticks of 10 ms", |counts| counts.cpu_ms as f64 / 1000.0),
];

/// The plugins in service.
struct InService(Arc<Plugins>);

impl Plugins {
    /// Has calls, traps, denials and CPU time counted, by plugin and since it was loaded.
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
        for (name, help, count) in COUNTS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for plugin in table.loaded.values() {
                let labels = [("plugin", &*plugin.terms.name)];
                let count = ConstCounter::new(count(&plugin.terms.usage.counts()));
                count.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
