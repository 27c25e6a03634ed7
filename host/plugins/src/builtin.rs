//! The plugins that are part of the binary. They are components like any other, with manifests and grants
//! written in the same form.

use crate::folder::Version;
use crate::plugin::Source;
use crate::{Config, Grant, PluginConfig};

// `DRIVERS` and `POLICIES`: names and components. `build.rs` has the list.
include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// Where they come from.
pub(crate) const ORIGIN: &str = "built-in";

/// Whether a plugin of this name is part of the binary.
pub fn has(name: &str) -> bool {
    DRIVERS.iter().chain(POLICIES).any(|(built_in, _)| *built_in == name)
}

/// The drivers, and the policies that the configuration names: nobody asks the others.
pub(crate) fn sources(config: &Config) -> Vec<Source> {
    let grants = include_str!("../../../plugins/paramiko/grants.toml");
    let own: PluginConfig = toml::from_str(grants).expect("every start reads it, those of the tests too");
    let grants = own.grants.unwrap_or_default();
    let built_in = |(name, wasm): &(&str, &[u8]), grants: &[Grant]| Source {
        name: (*name).into(),
        origin: ORIGIN.into(),
        version: Version::new(wasm.to_vec(), None, None),
        grants: grants.to_vec(),
    };
    let is_named = |(name, _): &&(&str, &[u8])| {
        config.policies.iter().any(|policy| policy.plugin == *name) || config.plugin.contains_key(*name)
    };
    let drivers = DRIVERS.iter().map(|driver| built_in(driver, &grants));
    drivers.chain(POLICIES.iter().filter(is_named).map(|policy| built_in(policy, &[]))).collect()
}
