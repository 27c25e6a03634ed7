//! What `connection_args` and `driver_args` hold, without the secrets.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How to reach the server.
#[derive(Deserialize, Serialize)]
pub(crate) struct ConnectionArgs {
    pub(crate) host: String,
    pub(crate) username: String,
    #[serde(default = "ssh_port")]
    pub(crate) port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_filename: Option<String>,
    /// Seconds.
    #[serde(default = "half_a_minute")]
    pub(crate) timeout: f64,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) banner_timeout: Option<f64>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_timeout: Option<f64>,
    #[serde(default = "auto_add")]
    pub(crate) host_key_policy: String,
    /// Parameters that come with a later version.
    #[serde(flatten, skip_serializing)]
    pub(crate) later: Map<String, Value>,
}

/// How commands are run.
#[derive(Deserialize, Serialize)]
pub(crate) struct DriverArgs {
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<BTreeMap<String, String>>,
    /// Parameters that come with a later version.
    #[serde(flatten, skip_serializing)]
    pub(crate) later: Map<String, Value>,
}

fn ssh_port() -> u16 {
    22
}

fn half_a_minute() -> f64 {
    30.0
}

fn auto_add() -> String {
    "auto_add".into()
}
