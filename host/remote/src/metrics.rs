//! What is counted of connections. Nothing is counted by host or user.

use crate::pool::Pool;
use hostler_model::Failure;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// Logins, by how they ended.
#[derive(Default)]
pub(crate) struct Logins(Family<[(&'static str, String); 1], Counter>);

impl Logins {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("ssh_logins", "Logins, by `accepted` or the kind of the error", self.0.clone());
    }

    /// Takes note of a login.
    pub(crate) fn ended<T>(&self, login: &Result<T, Failure>) {
        let result = login.as_ref().map_or_else(|failure| failure.kind.label(), |_| "accepted".into());
        self.0.get_or_create(&[("result", result)]).inc();
    }
}

/// The connections that there are.
pub(crate) struct Kept([(&'static str, Arc<Pool>); 2]);

impl Kept {
    pub(crate) fn new(targets: &Arc<Pool>, jumps: &Arc<Pool>) -> Self {
        Self([("target", Arc::clone(targets)), ("jump", Arc::clone(jumps))])
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

impl Collector for Kept {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for (name, help, idle_only) in [
            ("ssh_connections", "Connections that are open or being opened", false),
            ("ssh_connections_idle", "Shared connections that nobody uses", true),
        ] {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (to, pool) in &self.0 {
                let (all, idle) = pool.counts();
                let count = i64::try_from(if idle_only { idle } else { all }).unwrap_or(i64::MAX);
                ConstGauge::new(count).encode(family.encode_family(&[("to", *to)])?)?;
            }
        }
        Ok(())
    }
}
