//! The answer of `POST /device/test`, in 0.3 and 0.4.

use super::time::iso;
use super::trial::Trial;
use serde::Serialize;

/// How a test went, with the fields of `NetPulse`.
#[derive(Serialize)]
pub(super) struct TestedView {
    success: bool,
    /// Seconds.
    latency: f64,
    error: Option<String>,
    result: Option<Seen>,
    timestamp: String,
    warnings: Vec<String>,
}

/// What was seen, and `remote_version`, which `NetPulse` drops.
#[derive(Serialize)]
struct Seen {
    driver: String,
    host: String,
    /// The identification string of the server (RFC 4253 section 4.2).
    remote_version: Option<String>,
}

impl TestedView {
    pub(super) fn new(trial: Trial, driver: String, host: String, mut warnings: Vec<String>) -> Self {
        let Trial { latency, seen, at } = trial;
        let (result, error) = match seen {
            Ok(tested) => {
                warnings.extend(tested.warnings);
                (Some(Seen { driver, host, remote_version: tested.server_version }), None)
            }
            Err(failure) => (None, Some(failure.message)),
        };
        Self { success: result.is_some(), latency, error, result, timestamp: iso(at), warnings }
    }

    /// The identification string of the server.
    pub(super) fn remote_version(&self) -> Option<&str> {
        self.result.as_ref()?.remote_version.as_deref()
    }
}
