//! What `connection_args` and `driver_args` hold, without the secrets.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How to reach the server.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionArgs {
    pub(crate) host: String,
    pub(crate) username: String,
    #[serde(default = "ssh_port")]
    pub(crate) port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
    /// Seconds.
    #[serde(default = "half_a_minute")]
    pub(crate) timeout: f64,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) banner_timeout: Option<f64>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_timeout: Option<f64>,
    /// Seconds; 0 is as if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keepalive: Option<f64>,
    #[serde(default = "auto_add")]
    pub(crate) host_key_policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host_keys: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) look_for_keys: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_agent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compress: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_key_filename: Option<String>,
}

/// How commands are run.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriverArgs {
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) get_pty: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bufsize: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sudo: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sudo_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop_on_error: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) script_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) script_interpreter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) working_directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expect_map: Option<BTreeMap<String, String>>,
    /// Comes with a later version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file_transfer: Option<Value>,
}

impl ConnectionArgs {
    /// The jump host, if there is one. An empty name is as if absent.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.proxy_host.as_deref().filter(|host| !host.is_empty())
    }

    /// How long the connection is kept for the next job, in seconds.
    pub(crate) fn kept(&self) -> Option<f64> {
        self.keepalive.filter(|&seconds| seconds > 0.0)
    }
}

impl DriverArgs {
    /// Whether commands run with another user's rights.
    pub(crate) fn elevates(&self) -> bool {
        self.sudo == Some(true)
    }

    /// What a script is given to.
    pub(crate) fn interpreter(&self) -> &str {
        self.script_interpreter.as_deref().unwrap_or("bash")
    }
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
