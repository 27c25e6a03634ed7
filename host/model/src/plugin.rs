//! What is known about a loaded plugin.

use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// A plugin as `/v1/plugins` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct PluginInfo {
    /// The name by which requests and the configuration call it.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// `driver` or `policy`.
    pub world: String,
    /// SHA-256 of the component, in hexadecimal digits.
    pub digest: String,
    /// `built-in` or the name of its file in the plugins folder.
    pub origin: String,
    /// What the operator lets it do.
    pub grants: Value,
    /// What it may use up.
    pub limits: Value,
    /// What it used up since it was loaded, and what it was denied.
    pub usage: Value,
    /// Why it is not in service, if it is not.
    pub error: Option<String>,
}

/// The JSON Schemas of a driver's arguments (draft 2020-12).
#[derive(Clone, Debug)]
pub struct DriverSchemas {
    /// Schema of `connection_args`.
    pub connection_args: Arc<Value>,
    /// Schema of `driver_args`.
    pub driver_args: Arc<Value>,
}
