//! What is known about a loaded plugin.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

/// A plugin as `/v1/plugins` shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PluginInfo {
    /// The name by which requests and the configuration call it.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// `driver` or `policy`.
    pub world: String,
    /// `sha256:` and the SHA-256 of the component, in hexadecimal digits.
    pub digest: String,
    /// `built-in` or the name of its file in the plugins folder.
    pub origin: String,
    /// Fingerprint and comment of the key that signed it, if one of the operator's did.
    pub signed_by: Option<String>,
    /// Since when it is in service.
    pub loaded_at: Option<Timestamp>,
    /// Digest of the version that it can be rolled back to.
    pub previous: Option<String>,
    /// What the operator lets it do.
    pub grants: Value,
    /// What it may use up.
    pub limits: Value,
    /// What it used up since it was loaded, and what it was denied.
    pub usage: Value,
    /// Whether it is called. Absent: it is not in service.
    pub breaker: Option<BreakerInfo>,
    /// Why it is not in service, if it is not.
    pub error: Option<String>,
}

/// Whether a plugin is called, or failed too often for that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BreakerInfo {
    /// Whether it is called.
    pub state: BreakerState,
    /// When it is tried again, if it is open.
    pub until: Option<Timestamp>,
    /// Failures in a row: traps, limits, nonsense.
    pub failures: u32,
    /// How often it opened since the plugin was loaded.
    pub opened: u64,
}

/// Whether a plugin is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// It is.
    Closed,
    /// It is not: it failed too often in a row.
    Open,
    /// The next job tries it.
    HalfOpen,
}

/// What is to happen to a plugin of the folder.
#[derive(Clone, Debug)]
pub enum PluginChange {
    /// The file that lies in the folder goes into service.
    Load,
    /// This component goes into the folder and into service.
    Install {
        /// The component.
        component: Vec<u8>,
        /// The signature, as `ssh-keygen -Y sign` writes it.
        signature: Option<Vec<u8>>,
    },
    /// The version before the one in service goes into service again, and the other way round the next time.
    Rollback,
    /// It goes out of service and out of the folder.
    Remove,
}

/// The JSON Schemas of a driver's arguments (draft 2020-12).
#[derive(Clone, Debug)]
pub struct DriverSchemas {
    /// Schema of `connection_args`.
    pub connection_args: Arc<Value>,
    /// Schema of `driver_args`.
    pub driver_args: Arc<Value>,
}
