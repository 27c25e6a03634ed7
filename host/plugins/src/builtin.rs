//! The plugins that are part of the binary. They are components like any other, with grants
//! written in the same form.

use crate::config::{Config, Grant};
use crate::plugin::Source;

// `DRIVERS` and `POLICIES`: names and components. `build.rs` has the list.
include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// The drivers, and the policies that the configuration names: nobody asks the others.
pub(crate) fn sources(config: &Config) -> Vec<Source> {
    let built_in = |(name, wasm): &(&str, &[u8]), grants: &[Grant]| Source {
        name: (*name).into(),
        origin: "built-in".into(),
        wasm: wasm.to_vec(),
        grants: grants.to_vec(),
    };
    let is_named = |(name, _): &&(&str, &[u8])| {
        config.policies.iter().any(|policy| policy.plugin == *name) || config.plugin.contains_key(*name)
    };
    let drivers = DRIVERS.iter().map(|driver| built_in(driver, &[Grant::Ssh]));
    drivers.chain(POLICIES.iter().filter(is_named).map(|policy| built_in(policy, &[]))).collect()
}
