//! The answer of `POST /device/test-connection`.

use crate::dialect::time::iso;
use crate::dialect::trial::Trial;
use serde::Serialize;

/// How a test went, with the fields of `NetPulse` 0.2.0.
#[derive(Serialize)]
pub(super) struct TestedView {
    success: bool,
    /// Seconds.
    connection_time: f64,
    error_message: Option<String>,
    device_info: Option<DeviceInfo>,
    timestamp: String,
}

/// What was seen, and `remote_version`, which `NetPulse` does not tell.
#[derive(Serialize)]
struct DeviceInfo {
    host: String,
    /// What `uname -a` prints there.
    system_info: Option<String>,
    connection_type: String,
    /// The identification string of the server (RFC 4253 section 4.2).
    remote_version: Option<String>,
    warnings: Vec<String>,
}

impl TestedView {
    pub(super) fn new(trial: Trial, driver: &str, host: String) -> Self {
        let Trial { latency, seen, at } = trial;
        let (device_info, error_message) = match seen {
            Ok(tested) => {
                let (system_info, remote_version) = (tested.system, tested.server_version);
                let connection_type = driver.to_owned();
                let warnings = tested.warnings;
                (Some(DeviceInfo { host, system_info, connection_type, remote_version, warnings }), None)
            }
            Err(failure) => (None, Some(failure.message)),
        };
        let success = device_info.is_some();
        Self { success, connection_time: latency, error_message, device_info, timestamp: iso(at) }
    }
}
