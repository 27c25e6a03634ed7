//! One loaded plugin: from a file to something that can be called.

use crate::bindings::{driver, policy};
use crate::config::{Grant, PluginConfig};
use crate::folder::Version;
use crate::instance::{Host, State};
use crate::schema::Schema;
use crate::{Config, Error, Limits};
use hostler_model::PluginInfo;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

/// The version of `wit/` that is offered.
const PACKAGE: &str = "hostler:plugin/";
const VERSION: &str = "@0.1.";

/// A plugin in service.
pub(crate) struct Plugin {
    pub(crate) name: Arc<str>,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) digest: String,
    pub(crate) origin: String,
    pub(crate) signed_by: Option<String>,
    pub(crate) loaded_at: Timestamp,
    pub(crate) grants: Vec<Grant>,
    pub(crate) limits: Limits,
    pub(crate) world: World,
}

/// What a plugin is for.
pub(crate) enum World {
    /// It carries jobs out.
    Driver { pre: driver::DriverPre<State>, connection_args: Schema, driver_args: Schema },
    /// It judges.
    Policy { pre: policy::PolicyPre<State>, settings: Schema },
}

/// Where a component comes from.
pub(crate) struct Source {
    /// Its name: what requests and the configuration call it by.
    pub(crate) name: String,
    /// `built-in`, or the name of its file.
    pub(crate) origin: String,
    /// The component and its signature.
    pub(crate) version: Version,
    /// What it is granted unless the configuration says otherwise.
    pub(crate) grants: Vec<Grant>,
}

/// A component that was compiled and linked, but not asked yet who it is.
pub(crate) struct Draft {
    pub(crate) name: Arc<str>,
    pub(crate) digest: String,
    pub(crate) origin: String,
    pub(crate) grants: Vec<Grant>,
    pub(crate) limits: Limits,
    pub(crate) pre: Pre,
}

/// A linked component of either world.
pub(crate) enum Pre {
    Driver(driver::DriverPre<State>),
    Policy(policy::PolicyPre<State>),
}

impl Draft {
    /// Links a compiled component with what it was granted, no more.
    pub(crate) fn link(
        engine: &Engine,
        component: &Component,
        config: &Config,
        source: &Source,
    ) -> Result<Self, Error> {
        let Source { name, origin, version, grants } = source;
        let own = config.plugin.get(name).cloned();
        let own = own.unwrap_or(PluginConfig { grants: grants.clone(), ..PluginConfig::default() });
        let PluginConfig { grants, limits, .. } = own;
        let is_driver = exports_driver(engine, component)?;
        check_imports(engine, component, name, &grants)?;
        let mismatch = |error: wasmtime::Error| Error::Mismatch(format!("{error:#}"));
        let linked = link(engine, component, &grants).map_err(mismatch)?;
        let pre = if is_driver {
            Pre::Driver(driver::DriverPre::new(linked).map_err(mismatch)?)
        } else {
            Pre::Policy(policy::PolicyPre::new(linked).map_err(mismatch)?)
        };
        let defaults = if is_driver { &config.driver_limits } else { &config.policy_limits };
        Ok(Self {
            name: name.as_str().into(),
            digest: version.digest(),
            origin: origin.clone(),
            grants,
            limits: limits.unwrap_or_else(|| defaults.clone()),
            pre,
        })
    }
}

fn exports_driver(engine: &Engine, component: &Component) -> Result<bool, Error> {
    let exports: Vec<String> = component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
    let has = |world: &str| exports.iter().any(|name| name.starts_with(&format!("{PACKAGE}{world}{VERSION}")));
    match (has("driving"), has("judging")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ if exports.is_empty() => Err(Error::WrongWorld("nothing".into())),
        _ => Err(Error::WrongWorld(exports.join(", "))),
    }
}

/// An ungranted import is refused here, with all that is missing at once.
fn check_imports(engine: &Engine, component: &Component, name: &str, grants: &[Grant]) -> Result<(), Error> {
    let ours =
        |interface: &str| interface.strip_prefix(PACKAGE).and_then(|rest| rest.split('@').next().map(str::to_owned));
    let mut missing = Vec::new();
    let mut wanted = Vec::new();
    let mut offered = true;
    for (interface, _) in component.component_type().imports(engine) {
        let needed = match ours(interface).as_deref() {
            Some("types" | "events" | "secrets") => continue,
            Some("ssh") => Some(Grant::Ssh),
            _ if interface.starts_with("wasi:") => Some(Grant::Wasi),
            _ => None,
        };
        match needed {
            Some(grant) if grants.contains(&grant) => {}
            Some(grant) => {
                missing.push(interface.to_owned());
                if !wanted.contains(&grant) {
                    wanted.push(grant);
                }
            }
            None => {
                missing.push(interface.to_owned());
                offered = false;
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let words: Vec<_> = wanted.iter().map(|grant| format!("{grant:?}").to_lowercase()).collect();
    let advice = if offered {
        format!("if it may have them, add grants = {words:?} under [plugin.{name}] in the configuration")
    } else {
        "Hostler has no such interface to grant, so it cannot be loaded".into()
    };
    Err(Error::NotGranted { missing: missing.join(", "), advice })
}

fn link(engine: &Engine, component: &Component, grants: &[Grant]) -> wasmtime::Result<InstancePre<State>> {
    use crate::bindings::{events, secrets, ssh, types};
    let mut linker = Linker::<State>::new(engine);
    types::add_to_linker::<_, Host>(&mut linker, |state| state)?;
    events::add_to_linker::<_, Host>(&mut linker, |state| state)?;
    secrets::add_to_linker::<_, Host>(&mut linker, |state| state)?;
    if grants.contains(&Grant::Ssh) {
        ssh::add_to_linker::<_, Host>(&mut linker, |state| state)?;
    }
    if grants.contains(&Grant::Wasi) {
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    }
    linker.instantiate_pre(component)
}

impl Plugin {
    /// What `/v1/plugins` shows.
    pub(crate) fn info(&self) -> PluginInfo {
        PluginInfo {
            name: self.name.to_string(),
            version: self.version.clone(),
            summary: self.summary.clone(),
            world: self.world.word().into(),
            digest: self.digest.clone(),
            origin: self.origin.clone(),
            signed_by: self.signed_by.clone(),
            loaded_at: Some(self.loaded_at),
            previous: None,
            grants: self.grants.iter().map(|grant| format!("{grant:?}").to_lowercase()).collect(),
            limits: serde_json::to_value(&self.limits).unwrap_or_default(),
            error: None,
        }
    }
}

impl World {
    fn word(&self) -> &'static str {
        match self {
            Self::Driver { .. } => "driver",
            Self::Policy { .. } => "policy",
        }
    }
}

/// `sha256:` and the SHA-256 of a component, in hexadecimal digits.
pub(crate) fn digest(wasm: &[u8]) -> String {
    Sha256::digest(wasm).iter().fold("sha256:".into(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}
