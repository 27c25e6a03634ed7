//! What a plugin says of itself before it is let in: `plugin.toml`.

mod reading;

use crate::grant::{Capability, Grant};
use crate::{Error, Limits};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wasmparser::{Encoding, Parser, Payload};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

/// The custom section of a component that holds its manifest.
pub const SECTION: &str = "hostler:manifest";

/// The package of `wit/`.
const PACKAGE: &str = "hostler:plugin/";

/// Its version.
pub(crate) const OFFERED: &str = "0.1.0";

/// The versions of the plugin API that fit each other: what a manifest names.
pub const API: &str = "0.1";

/// A plugin's manifest (TOML).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What requests and the configuration call it by.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// What it is for.
    pub world: WorldName,
    /// The version of the plugin API that it was made for.
    api: String,
    /// The capabilities that it asks for, each with a reason.
    #[serde(default, rename = "request")]
    pub requests: Vec<Grant>,
    /// What it wants to use up, by the names of [`Limits`].
    #[serde(default)]
    limits: Map<String, Value>,
}

/// The two worlds of `wit/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WorldName {
    /// It carries jobs out.
    Driver,
    /// It judges.
    Policy,
}

impl WorldName {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Driver, Self::Policy];

    /// Its name in `wit/`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Policy => "policy",
        }
    }

    /// The interface that its plugins export.
    pub fn exports(self) -> &'static str {
        match self {
            Self::Driver => "driving",
            Self::Policy => "judging",
        }
    }
}

impl Manifest {
    /// The manifest of a component: embedded in it, beside it, or both, if they say the same.
    pub fn of(wasm: &[u8], beside: Option<&str>) -> Result<Self, Error> {
        Self::read(&text(wasm, beside)?)
    }

    /// A manifest by itself. Errors: the first thing that is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let (manifest, wrong) = Self::examine(text);
        match (manifest, wrong.into_iter().next()) {
            (Some(manifest), None) => Ok(manifest),
            (_, Some(error)) => Err(error),
            (None, None) => unreachable!("what cannot be understood is wrong"),
        }
    }

    /// Whether its component may import an interface, such as `hostler:plugin/shell@0.1.0`: nobody has to ask for it, or it
    /// does.
    pub fn covers(&self, import: &str) -> bool {
        needed(self.world, import)
            .is_some_and(|needed| needed.is_empty() || needed.iter().any(|capability| self.asks(*capability)))
    }

    /// The version of the plugin API that it was made for.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// Whether it asks for a capability.
    pub fn asks(&self, capability: Capability) -> bool {
        self.requests.iter().any(|request| request.capability == capability)
    }

    /// What is wrong with what it says.
    fn faults(&self) -> Vec<Error> {
        let mut faults = Vec::new();
        if self.api != API {
            let wanted = &self.api;
            faults.push(Error::Manifest(format!("it was made for plugin API {wanted}; this daemon offers {API}")));
        }
        let unexplained = |grant: &&Grant| grant.reason().is_none_or(|reason| reason.trim().is_empty());
        let fault = |request: &Grant| {
            let capability = request.capability;
            Error::Manifest(format!("the request for `{capability}` gives no reason: say why it is needed"))
        };
        faults.extend(self.requests.iter().filter(unexplained).map(fault));
        faults
    }

    /// The limits that hold for it: what it asks for, where the operator allows as much, and what the operator allows
    /// where it asks for nothing.
    pub(crate) fn limits(&self, allowed: &Limits) -> Result<Limits, Error> {
        allowed.narrowed(&self.limits).map_err(Error::Manifest)
    }

    /// All in which the component is not what the manifest says it is.
    pub(crate) fn compare(&self, engine: &Engine, component: &Component) -> Vec<Error> {
        let is = component.component_type();
        let exports: Vec<String> = is.exports(engine).map(|(name, _)| name.to_owned()).collect();
        let has =
            |interface: &str| exports.iter().any(|name| name.starts_with(&format!("{PACKAGE}{interface}@{API}.")));
        let mut found = Vec::new();
        let wanted = self.world.exports();
        if !has(wanted) {
            let exports = if exports.is_empty() { "nothing".into() } else { exports.join(", ") };
            found.push(Error::WrongWorld { world: self.world.word(), wanted, exports });
        }
        let imports = called(engine, component);
        for import in imports.iter().filter(|import| !self.covers(import)) {
            let import = import.clone();
            found.push(match needed(self.world, &import).and_then(<[_]>::first) {
                Some(capability) => Error::NotAsked { import, capability: *capability },
                None => Error::NotOffered { world: self.world.word(), import },
            });
        }
        let idle = |request: &&Grant| !imports.iter().any(|import| serves(import, request.capability));
        found.extend(self.requests.iter().filter(idle).map(|request| Error::Idle(request.capability)));
        found
    }
}

/// The capabilities of which an import needs one; none if its world has no such interface here.
fn needed(world: WorldName, import: &str) -> Option<&'static [Capability]> {
    match interface(import) {
        Some("types" | "events") => Some(&[]),
        None if import.starts_with("wasi:") => Some(&[Capability::Wasi]),
        _ if world == WorldName::Policy => None,
        Some("secrets" | "results" | "clock" | "random" | "control") => Some(&[]),
        Some("ssh") => Some(&[Capability::Connect]),
        Some("detached") => Some(&[Capability::Detach]),
        Some("shell") => Some(&[Capability::Shell]),
        Some("sftp" | "transfer") => Some(&[Capability::RemoteFiles]),
        Some("local-files") => Some(&[Capability::LocalFiles]),
        _ => None,
    }
}

/// Whether an import is what a capability is used by.
fn serves(import: &str, capability: Capability) -> bool {
    match capability {
        Capability::Connect | Capability::Exec | Capability::Elevation | Capability::Stdin => {
            interface(import) == Some("ssh")
        }
        Capability::Detach => interface(import) == Some("detached"),
        Capability::Pty => matches!(interface(import), Some("ssh" | "shell")),
        Capability::Shell | Capability::SecretInput => interface(import) == Some("shell"),
        Capability::RemoteFiles => matches!(interface(import), Some("sftp" | "transfer")),
        Capability::LocalFiles => interface(import) == Some("local-files"),
        Capability::Wasi => import.starts_with("wasi:"),
    }
}

fn interface(import: &str) -> Option<&str> {
    import.strip_prefix(PACKAGE)?.split('@').next()
}

/// The interfaces that a component imports and the operator did not grant.
pub(crate) fn ungranted(
    engine: &Engine,
    component: &Component,
    world: WorldName,
    has: impl Fn(Capability) -> bool,
) -> Vec<(String, Capability)> {
    let missing = |import: String| {
        let needed = needed(world, &import)?;
        let first = *needed.first()?;
        (!needed.iter().copied().any(&has)).then_some((import, first))
    };
    called(engine, component).into_iter().filter_map(missing).collect()
}

/// The version of the plugin API that a component was built with: the newest that one of its interfaces is of.
pub(crate) fn built_with(engine: &Engine, component: &Component) -> String {
    let is = component.component_type();
    let names = is.imports(engine).map(|(name, _)| name).chain(is.exports(engine).map(|(name, _)| name));
    let versions = names.filter_map(|name| Some(name.strip_prefix(PACKAGE)?.split_once('@')?.1));
    let order = |version: &&str| version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
    versions.max_by_key(order).unwrap_or("of no version").to_owned()
}

/// What a component imports, but for interfaces of which it only names types: every driver speaks of sessions.
fn called(engine: &Engine, component: &Component) -> Vec<String> {
    let is = component.component_type();
    let names = |item: &ComponentItem| matches!(item, ComponentItem::Type(_) | ComponentItem::Resource(_));
    let only_names = |item: &ComponentItem| match item {
        ComponentItem::ComponentInstance(interface) => interface.exports(engine).all(|(_, export)| names(&export.ty)),
        _ => false,
    };
    is.imports(engine).filter(|(_, import)| !only_names(&import.ty)).map(|(name, _)| name.to_owned()).collect()
}

/// The text of a component's manifest: embedded in it, beside it, or both, if they say the same.
pub(crate) fn text(wasm: &[u8], beside: Option<&str>) -> Result<String, Error> {
    match (embedded(wasm)?, beside) {
        (Some(embedded), Some(beside)) if embedded.trim() != beside.trim() => {
            let message = "the one beside the component differs from the one inside; bring both from one build";
            Err(Error::Manifest(message.into()))
        }
        (Some(text), _) => Ok(text),
        (None, Some(text)) => Ok(text.into()),
        (None, None) => Err(Error::Manifest(format!(
            "there is none: put NAME.toml beside the component, or embed it as custom section {SECTION}"
        ))),
    }
}

/// The manifest inside a component, at its outermost level.
fn embedded(wasm: &[u8]) -> Result<Option<String>, Error> {
    let not_a_component = |error: wasmparser::BinaryReaderError| Error::NotAComponent(error.to_string());
    let mut found = None;
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(not_a_component)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(Error::NotAComponent("it is a core module; wrap it as a component".into()));
            }
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if depth == 1 && section.name() == SECTION => {
                let text = std::str::from_utf8(section.data());
                let text = text.map_err(|_| Error::Manifest("the one inside the component is not UTF-8".into()))?;
                if found.replace(text.to_owned()).is_some() {
                    return Err(Error::Manifest("the component has two".into()));
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
