//! The plugins that are part of the binary. They are components like any other, with grants
//! written in the same form.

use crate::config::Grant;
use crate::folder::Version;
use crate::plugin::Source;

/// Where they come from.
pub(crate) const ORIGIN: &str = "built-in";

/// All of them.
pub(crate) fn sources() -> Vec<Source> {
    let built_in = |name: &str, wasm: &[u8], grants: Vec<Grant>| Source {
        name: name.into(),
        origin: ORIGIN.into(),
        version: Version { wasm: wasm.to_vec(), signature: None },
        grants,
    };
    vec![
        built_in("paramiko", include_bytes!(concat!(env!("OUT_DIR"), "/paramiko.wasm")), vec![Grant::Ssh]),
        built_in("policy-hosts", include_bytes!(concat!(env!("OUT_DIR"), "/policy-hosts.wasm")), vec![]),
    ]
}
