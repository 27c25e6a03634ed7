//! One loaded plugin: from a file to something that can be called.

use crate::bindings::{driver, policy};
use crate::folder::Version;
use crate::grant::{Capability, Grant};
use crate::instance::{Host, State};
use crate::manifest::{Manifest, WorldName, built_with, ungranted};
use crate::schema::Schema;
use crate::terms::Terms;
use crate::{Config, Error};
use hostler_model::PluginInfo;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use tokio::time::Instant;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

/// A plugin in service.
pub(crate) struct Plugin {
    pub(crate) terms: Arc<Terms>,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) digest: String,
    pub(crate) origin: String,
    pub(crate) signed_by: Option<String>,
    pub(crate) loaded_at: Timestamp,
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
    /// The component, and what was delivered with it.
    pub(crate) version: Version,
    /// What it is granted unless the configuration says otherwise.
    pub(crate) grants: Vec<Grant>,
}

impl Source {
    /// A version of a plugin of the folder.
    pub(crate) fn of_folder(name: &str, version: Version) -> Self {
        Self { name: name.into(), origin: format!("{name}.wasm"), version, grants: Vec::new() }
    }

    /// What the plugin says of itself.
    pub(crate) fn manifest(&self) -> Result<Manifest, Error> {
        let manifest = Manifest::of(&self.version.wasm, self.version.manifest.as_deref())?;
        if manifest.name == self.name {
            return Ok(manifest);
        }
        let (called, name) = (&manifest.name, &self.name);
        Err(Error::Manifest(format!("it names the plugin {called:?}, but its file is called {name}.wasm")))
    }
}

/// A component that was compiled and linked, but not asked yet who it is.
pub(crate) struct Draft {
    pub(crate) terms: Arc<Terms>,
    pub(crate) manifest: Manifest,
    pub(crate) digest: String,
    pub(crate) origin: String,
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
        manifest: Manifest,
    ) -> Result<Self, Error> {
        let Source { name, origin, version, grants, .. } = source;
        if let Some(error) = manifest.compare(engine, component).into_iter().next() {
            return Err(error);
        }
        let terms = Arc::new(Terms::new(config, &manifest, grants)?);
        let missing = ungranted(engine, component, manifest.world, |capability| terms.powers.links(capability));
        if !missing.is_empty() {
            let advice: BTreeSet<_> = missing.iter().map(|(_, capability)| format!("\"{capability}\"")).collect();
            return Err(Error::NotGranted {
                name: name.clone(),
                missing: missing.iter().map(|(import, _)| import.as_str()).collect::<Vec<_>>().join(", "),
                advice: advice.into_iter().collect::<Vec<_>>().join(", "),
            });
        }
        let mismatch = |error: wasmtime::Error| Error::Mismatch {
            wanted: built_with(engine, component),
            reason: format!("{error:#}"),
        };
        let linked = link(engine, component, &terms, manifest.world).map_err(mismatch)?;
        let pre = match manifest.world {
            WorldName::Driver => Pre::Driver(driver::DriverPre::new(linked).map_err(mismatch)?),
            WorldName::Policy => Pre::Policy(policy::PolicyPre::new(linked).map_err(mismatch)?),
        };
        Ok(Self { terms, manifest, digest: version.digest().to_owned(), origin: origin.clone(), pre })
    }
}

fn link(
    engine: &Engine,
    component: &Component,
    terms: &Terms,
    world: WorldName,
) -> wasmtime::Result<InstancePre<State>> {
    use crate::bindings::{events, types};
    let mut linker = Linker::<State>::new(engine);
    types::add_to_linker::<_, Host>(&mut linker, |state| state)?;
    events::add_to_linker::<_, Host>(&mut linker, |state| state)?;
    if world == WorldName::Driver {
        lend(&mut linker, terms)?;
    }
    if terms.wasi() {
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    }
    linker.instantiate_pre(component)
}

/// What only drivers have, as far as it was granted.
fn lend(linker: &mut Linker<State>, terms: &Terms) -> wasmtime::Result<()> {
    use crate::bindings::{
        clock, control, detached, local_files, random, results, secrets, sftp, shell, ssh, transfer,
    };
    clock::add_to_linker::<_, Host>(linker, |state| state)?;
    random::add_to_linker::<_, Host>(linker, |state| state)?;
    control::add_to_linker::<_, Host>(linker, |state| state)?;
    secrets::add_to_linker::<_, Host>(linker, |state| state)?;
    results::add_to_linker::<_, Host>(linker, |state| state)?;
    // Every driver speaks of sessions; who calls what makes them was checked.
    ssh::add_to_linker::<_, Host>(linker, |state| state)?;
    if terms.powers.links(Capability::Detach) {
        detached::add_to_linker::<_, Host>(linker, |state| state)?;
    }
    if terms.powers.links(Capability::Shell) {
        shell::add_to_linker::<_, Host>(linker, |state| state)?;
    }
    if terms.powers.links(Capability::RemoteFiles) {
        sftp::add_to_linker::<_, Host>(linker, |state| state)?;
        transfer::add_to_linker::<_, Host>(linker, |state| state)?;
    }
    if terms.powers.links(Capability::LocalFiles) {
        local_files::add_to_linker::<_, Host>(linker, |state| state)?;
    }
    Ok(())
}

impl Plugin {
    /// A driver with the schemas of its arguments.
    pub(crate) fn parts(&self) -> (&driver::DriverPre<State>, &Schema, &Schema) {
        match &self.world {
            World::Driver { pre, connection_args, driver_args } => (pre, connection_args, driver_args),
            World::Policy { .. } => unreachable!("only drivers are asked to carry out jobs"),
        }
    }

    /// The fields that a driver calls secret: of `connection_args`, and of `driver_args`.
    pub(crate) fn marked(&self) -> [&[String]; 2] {
        let (_, connection_args, driver_args) = self.parts();
        [&connection_args.secrets, &driver_args.secrets]
    }

    /// What `/v1/plugins` shows.
    pub(crate) fn info(&self) -> PluginInfo {
        PluginInfo {
            name: self.terms.name.to_string(),
            version: self.version.clone(),
            summary: self.summary.clone(),
            world: self.world.word().into(),
            digest: self.digest.clone(),
            origin: self.origin.clone(),
            signed_by: self.signed_by.clone(),
            loaded_at: Some(self.loaded_at),
            previous: None,
            grants: shown(self.terms.powers.granted()),
            limits: shown(&self.terms.limits),
            usage: shown(&self.terms.usage),
            breaker: Some(self.terms.breaker.info(Instant::now())),
            error: None,
        }
    }
}

fn shown(value: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(value).unwrap_or_default()
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
