//! What `connection_args` and `driver_args` hold, without the secrets.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How to reach the appliance.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionArgs {
    pub(crate) host: String,
    #[serde(default = "ssh_port")]
    pub(crate) port: u16,
    pub(crate) username: String,
    /// Seconds.
    #[serde(default = "half_a_minute")]
    pub(crate) timeout: f64,
    #[serde(default = "auto_add")]
    pub(crate) host_key_policy: String,
}

/// How its command line is spoken to.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriverArgs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) save: Option<bool>,
    /// Seconds.
    #[serde(default = "half_a_minute")]
    pub(crate) timeout: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt: Option<String>,
}

impl DriverArgs {
    /// Whether the running configuration is to be saved.
    pub(crate) fn saves(&self) -> bool {
        self.save == Some(true)
    }
}

/// At least 1, because nothing can be done in no time.
pub(crate) fn milliseconds(seconds: f64) -> u32 {
    let milliseconds = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).as_millis();
    u32::try_from(milliseconds).unwrap_or(u32::MAX).max(1)
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
    fn seconds_become_milliseconds_without_overflow() {
        assert_eq!(milliseconds(1.5), 1500);
        assert_eq!(milliseconds(0.000_01), 1);
        assert_eq!(milliseconds(1e300), u32::MAX);
    }
}
