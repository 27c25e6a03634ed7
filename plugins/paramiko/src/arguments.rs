//! What `connection_args` and `driver_args` hold, without the secrets.

use crate::transfer::FileTransfer;
use hostler_sdk::Hop;
use serde::{Deserialize, Serialize};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_jump: Option<Vec<String>>,
}

/// How commands are run, or what is moved.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file_transfer: Option<FileTransfer>,
    /// The name of the file that came with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) staged: Option<String>,
}

impl ConnectionArgs {
    /// The jump host, if there is one. An empty name is as if absent.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.proxy_host.as_deref().filter(|host| !host.is_empty())
    }

    /// All jump hosts, the one that is dialled first. Errors: the entry of `proxy_jump` that is none.
    pub(crate) fn jumps(&self) -> Result<Vec<Hop>, String> {
        let Some(host) = self.proxy() else { return Ok(Vec::new()) };
        let user = self.proxy_username.as_ref().unwrap_or(&self.username);
        let last = Hop { host: host.into(), port: self.proxy_port.unwrap_or(22), user: user.clone() };
        let before = self.proxy_jump.iter().flatten();
        before.map(|text| hop(text, user).ok_or_else(|| text.clone())).chain([Ok(last)]).collect()
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

    /// Those that were given and are about commands only.
    pub(crate) fn for_commands(&self) -> Vec<&'static str> {
        [
            ("timeout", self.timeout.is_some()),
            ("environment", self.environment.is_some()),
            ("get_pty", self.get_pty == Some(true)),
            ("sudo", self.elevates()),
            ("stop_on_error", self.stop_on_error == Some(true)),
            ("working_directory", self.working_directory.is_some()),
            ("expect_map", self.expect_map.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }

    /// What a script is given to.
    pub(crate) fn interpreter(&self) -> &str {
        self.script_interpreter.as_deref().unwrap_or("bash")
    }
}

/// `[user@]host[:port]`, as `ssh_config(5)` has it for `ProxyJump`. An IPv6 address with a port stands in brackets.
fn hop(text: &str, user: &str) -> Option<Hop> {
    let (user, place) = text.rsplit_once('@').unwrap_or((user, text));
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
        None if place.starts_with('[') => return None,
        None if place.matches(':').count() == 1 => place.split_once(':').map(|(host, port)| (host, Some(port)))?,
        None => (place, None),
    };
    let port = port.map_or(Some(22), |port| port.parse().ok().filter(|&port| port > 0))?;
    (!user.is_empty() && !host.is_empty()).then(|| Hop { host: host.into(), port, user: user.into() })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_is_written_as_ssh_does() {
        let read = |text| hop(text, "me").map(|Hop { host, port, user }| format!("{user} {host} {port}"));
        assert_eq!(read("gate").as_deref(), Some("me gate 22"));
        assert_eq!(read("you@gate:2222").as_deref(), Some("you gate 2222"));
        assert_eq!(read("you@corp@gate").as_deref(), Some("you@corp gate 22"));
        assert_eq!(read("[2001:db8::1]:2222").as_deref(), Some("me 2001:db8::1 2222"));
        assert_eq!(read("2001:db8::1").as_deref(), Some("me 2001:db8::1 22"));
        for bad in ["", "@gate", "gate:", "gate:0", "gate:70000", "[::1", "[::1]2222", "you@"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
