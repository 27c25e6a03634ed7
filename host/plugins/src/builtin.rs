//! The plugins that are part of the binary. They are components like any other, with manifests and grants
//! written in the same form.

use crate::Grant;
use crate::plugin::Source;
use serde::Deserialize;

/// A file of grants, as it could stand in a configuration under `[plugin.NAME]`.
#[derive(Deserialize)]
struct Grants {
    grants: Vec<Grant>,
}

/// All of them.
pub(crate) fn sources() -> Vec<Source> {
    let grants = include_str!("../../../plugins/paramiko/grants.toml");
    let Grants { grants } = toml::from_str(grants).expect("a test reads it");
    let built_in = |name: &str, wasm: &[u8], grants: Vec<Grant>| Source {
        name: name.into(),
        origin: "built-in".into(),
        wasm: wasm.to_vec(),
        manifest: None,
        grants,
    };
    vec![
        built_in("paramiko", include_bytes!(concat!(env!("OUT_DIR"), "/paramiko.wasm")), grants),
        built_in("policy-hosts", include_bytes!(concat!(env!("OUT_DIR"), "/policy-hosts.wasm")), vec![]),
    ]
}
