//! The plugins in service at one moment. A change makes a new table; whoever works with the old one is not disturbed.

use crate::bench::Bench;
use crate::builtin;
use crate::plugin::{Plugin, World};
use hostler_model::{ErrorKind, Failure, Phase, PluginInfo};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Table {
    /// By name.
    pub(crate) loaded: BTreeMap<String, Arc<Plugin>>,
    /// Plugins of the folder that could not be loaded.
    pub(crate) broken: BTreeMap<String, PluginInfo>,
    /// Digests of what can be rolled back to.
    pub(crate) previous: BTreeMap<String, String>,
    /// The policies that judge.
    pub(crate) bench: Bench,
}

impl Table {
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.loaded.get(name)
    }

    /// Why a plugin that exists is not in service.
    pub(crate) fn reason(&self, name: &str) -> Option<&str> {
        self.broken.get(name)?.error.as_deref()
    }

    /// Takes a plugin into service.
    pub(crate) fn insert(&mut self, plugin: Plugin) {
        self.broken.remove(&*plugin.terms.name);
        self.loaded.insert(plugin.terms.name.to_string(), Arc::new(plugin));
    }

    /// Notes why a plugin is not in service.
    pub(crate) fn report(&mut self, name: &str, origin: &str, error: String) {
        let info = PluginInfo {
            name: name.into(),
            version: String::new(),
            summary: String::new(),
            world: "unknown".into(),
            digest: String::new(),
            origin: origin.into(),
            signed_by: None,
            loaded_at: None,
            previous: None,
            grants: Value::Null,
            limits: Value::Null,
            usage: Value::Null,
            breaker: None,
            error: Some(error),
        };
        self.broken.insert(name.into(), info);
    }

    /// One plugin, in service or broken.
    pub(crate) fn info(&self, name: &str) -> Option<PluginInfo> {
        let info = self.get(name).map(|plugin| plugin.info()).or_else(|| self.broken.get(name).cloned());
        info.map(|info| self.with_previous(info))
    }

    fn with_previous(&self, info: PluginInfo) -> PluginInfo {
        PluginInfo { previous: self.previous.get(&info.name).cloned(), ..info }
    }

    /// All of them, by name. A file with the name of a built-in plugin is listed beside that one.
    pub(crate) fn list(&self) -> Vec<PluginInfo> {
        let all = self.loaded.values().map(|plugin| plugin.info()).chain(self.broken.values().cloned());
        let mut list: Vec<_> = all.map(|info| self.with_previous(info)).collect();
        list.sort_by(|one, other| one.name.cmp(&other.name));
        list
    }

    /// Names of the drivers in service, sorted.
    pub(crate) fn drivers(&self) -> Vec<String> {
        let is_driver = |plugin: &&Arc<Plugin>| matches!(plugin.world, World::Driver { .. });
        self.loaded.values().filter(is_driver).map(|plugin| plugin.terms.name.to_string()).collect()
    }

    pub(crate) fn driver(&self, name: &str) -> Result<Arc<Plugin>, Failure> {
        if let Some(plugin) = self.get(name).filter(|plugin| matches!(plugin.world, World::Driver { .. })) {
            return Ok(Arc::clone(plugin));
        }
        let (kind, message) = if let Some(reason) = self.reason(name) {
            (ErrorKind::BadPlugin, format!("driver {name} is not in service: {reason}"))
        } else {
            let drivers = self.drivers().join(", ");
            (ErrorKind::NotFound, format!("there is no driver {name}; the drivers here are {drivers}"))
        };
        Err(Failure::new(kind, Phase::Validate, message))
    }

    /// Whether a plugin is part of the binary.
    pub(crate) fn is_built_in(&self, name: &str) -> bool {
        self.get(name).is_some_and(|plugin| plugin.origin == builtin::ORIGIN)
    }

    /// Digests of all components of the folder that are in service or can be rolled back to, and of those built in.
    pub(crate) fn digests(&self) -> BTreeSet<&str> {
        self.loaded
            .values()
            .map(|plugin| plugin.digest.as_str())
            .chain(self.previous.values().map(String::as_str))
            .collect()
    }
}
