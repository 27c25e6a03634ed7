//! What `connection_args` and `driver_args` hold, without the secrets.

use serde::{Deserialize, Serialize};

/// How to reach the server.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionArgs {
    pub(crate) host: String,
    #[serde(default = "ssh_port")]
    pub(crate) port: u16,
    pub(crate) username: String,
    #[serde(default = "reject")]
    pub(crate) host_key_policy: String,
}

/// What the tables look like.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriverArgs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<String>,
}

fn ssh_port() -> u16 {
    22
}

fn reject() -> String {
    "reject".into()
}
