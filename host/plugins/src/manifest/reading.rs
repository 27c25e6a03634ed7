//! A manifest as it is written: all that is wrong with it, and what an operator has to write so that it gets what it asks
//! for.

use super::{Manifest, WorldName};
use crate::{Config, Error, PluginConfig};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::ops::Range;
use toml::de::{DeTable, DeValue, Deserializer};

impl Manifest {
    /// A manifest as far as it can be understood, and all that is wrong with it. What is not known is left out.
    pub fn examine(text: &str) -> (Option<Self>, Vec<Error>) {
        let (mut table, broken) = DeTable::parse_recoverable(text);
        let mut wrong: Vec<Error> = broken.iter().map(fault).collect();
        if !wrong.is_empty() {
            return (None, wrong);
        }
        let mut incomplete = false;
        loop {
            let mut error = match Self::deserialize(Deserializer::from(table.clone())) {
                Ok(manifest) => {
                    wrong.extend(manifest.faults());
                    return (Some(manifest).filter(|_| !incomplete), wrong);
                }
                Err(error) => error,
            };
            error.set_input(Some(text));
            match error.span().and_then(|span| remove(table.get_mut(), &span)) {
                Some(Removed::Key) => {}
                Some(Removed::Value) => incomplete = true,
                // That something is missing may be because it was taken out.
                None if incomplete => return (None, wrong),
                None => {
                    wrong.push(fault(&error));
                    return (None, wrong);
                }
            }
            wrong.push(fault(&error));
        }
    }

    /// All that it asks for, as an operator gives it.
    pub fn wish(&self, config: &Config) -> PluginConfig {
        let limits = self.beyond(config);
        PluginConfig { grants: Some(self.requests.clone()), limits, ..PluginConfig::default() }
    }

    /// The limits that it asks for beyond those that every plugin of its world has.
    fn beyond(&self, config: &Config) -> Map<String, Value> {
        let general = match self.world {
            WorldName::Driver => &config.driver_limits,
            WorldName::Policy => &config.policy_limits,
        };
        general.exceeded(&self.limits).map(|(name, wanted, _)| (name.to_owned(), json!(wanted))).collect()
    }

    /// The lines of a configuration by which an operator gives all that it asks for; none where it asks for nothing.
    pub fn configuration(&self, config: &Config) -> String {
        let grants: Vec<String> = self.requests.iter().map(|request| inline(&request.given())).collect();
        let limits: Vec<String> = self.beyond(config).iter().map(|(name, limit)| format!("{name} = {limit}")).collect();
        let grants = (!grants.is_empty()).then(|| format!("grants = [{}]\n", grants.join(", ")));
        let limits = (!limits.is_empty()).then(|| format!("limits = {{ {} }}\n", limits.join(", ")));
        match (grants, limits) {
            (None, None) => String::new(),
            (grants, limits) => {
                format!("[plugin.{}]\n{}{}", self.name, grants.unwrap_or_default(), limits.unwrap_or_default())
            }
        }
    }
}

fn fault(error: &toml::de::Error) -> Error {
    Error::Manifest(error.to_string().trim_end().to_owned())
}

/// A value in TOML, on one line.
fn inline(value: &Value) -> String {
    toml::Value::try_from(value).map(|value| value.to_string()).unwrap_or_default()
}

/// Why an entry was taken out: its key is not known, or its value makes no sense.
enum Removed {
    Key,
    Value,
}

/// Takes the entry out whose key or value stands in this place, if there is one.
fn remove(table: &mut DeTable<'_>, place: &Range<usize>) -> Option<Removed> {
    let found = table.iter().find(|(key, value)| key.span() == *place || value.span() == *place);
    let found = found.map(|(key, _)| (key.clone(), if key.span() == *place { Removed::Key } else { Removed::Value }));
    match found {
        Some((key, removed)) => table.remove(&key).map(|_| removed),
        None => table.iter_mut().find_map(|(_, value)| remove_below(value.get_mut(), place)),
    }
}

fn remove_below(value: &mut DeValue<'_>, place: &Range<usize>) -> Option<Removed> {
    match value {
        DeValue::Table(table) => remove(table, place),
        DeValue::Array(items) => items.iter_mut().find_map(|item| remove_below(item.get_mut(), place)),
        _ => None,
    }
}
