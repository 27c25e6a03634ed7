//! What a plugin says of itself before it is let in: `plugin.toml`.

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

/// The version of `wit/` that is offered.
const PACKAGE: &str = "hostler:plugin/";
const API: &str = "0.1";

/// A plugin's manifest (TOML).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// What requests and the configuration call it by.
    pub(crate) name: String,
    /// Its own version.
    pub(crate) version: String,
    /// What it is for.
    pub(crate) world: WorldName,
    /// The version of the plugin API that it was made for.
    api: String,
    /// The capabilities that it asks for, each with a reason.
    #[serde(default, rename = "request")]
    pub(crate) requests: Vec<Grant>,
    /// What it wants to use up, by the names of [`Limits`].
    #[serde(default)]
    limits: Map<String, Value>,
}

/// The two worlds of `wit/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WorldName {
    Driver,
    Policy,
}

impl WorldName {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Policy => "policy",
        }
    }
}

impl Manifest {
    /// The manifest of a component: embedded in it, beside it, or both, if they say the same.
    pub(crate) fn of(wasm: &[u8], beside: Option<&str>) -> Result<Self, Error> {
        let embedded = embedded(wasm)?;
        let text = match (&embedded, beside) {
            (Some(embedded), Some(beside)) if embedded.trim() != beside.trim() => {
                let message = "the one beside the component differs from the one inside; bring both from one build";
                return Err(Error::Manifest(message.into()));
            }
            (Some(text), _) => text,
            (None, Some(text)) => text,
            (None, None) => {
                return Err(Error::Manifest(format!(
                    "there is none: put NAME.toml beside the component, or embed it as custom section {SECTION}"
                )));
            }
        };
        let manifest: Self = toml::from_str(text).map_err(|error| Error::Manifest(error.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), Error> {
        if self.api != API {
            let wanted = &self.api;
            return Err(Error::Manifest(format!("it was made for plugin API {wanted}; this daemon offers {API}")));
        }
        let unexplained = |grant: &&Grant| grant.reason().is_none_or(|reason| reason.trim().is_empty());
        if let Some(request) = self.requests.iter().find(unexplained) {
            return Err(Error::Manifest(format!("the request for `{}` gives no reason", request.capability)));
        }
        Ok(())
    }

    /// The limits that hold for it: what it asks for, where the operator allows as much, and what the operator allows
    /// where it asks for nothing.
    pub(crate) fn limits(&self, allowed: &Limits) -> Result<Limits, Error> {
        allowed.narrowed(&self.limits).map_err(Error::Manifest)
    }

    /// Whether the component is what the manifest says it is.
    pub(crate) fn compare(&self, engine: &Engine, component: &Component) -> Result<(), Error> {
        let is = component.component_type();
        let exports: Vec<String> = is.exports(engine).map(|(name, _)| name.to_owned()).collect();
        let has =
            |interface: &str| exports.iter().any(|name| name.starts_with(&format!("{PACKAGE}{interface}@{API}.")));
        let wanted = match self.world {
            WorldName::Driver => "driving",
            WorldName::Policy => "judging",
        };
        if !has(wanted) {
            let exports = if exports.is_empty() { "nothing".into() } else { exports.join(", ") };
            return Err(Error::WrongWorld { world: self.world.word(), wanted, exports });
        }
        let imports = called(engine, component);
        let asks = |capability| self.requests.iter().any(|request| request.capability == capability);
        let unasked: Vec<&str> = imports
            .iter()
            .filter(|import| {
                needed(import).is_none_or(|needed| !needed.is_empty() && !needed.iter().copied().any(asks))
            })
            .map(String::as_str)
            .collect();
        if !unasked.is_empty() {
            return Err(Error::NotAsked(unasked.join(", ")));
        }
        let idle = |request: &&Grant| !imports.iter().any(|import| serves(import, request.capability));
        match self.requests.iter().find(idle) {
            Some(request) => Err(Error::Idle(request.capability)),
            None => Ok(()),
        }
    }
}

/// The capabilities of which an import needs one; none if there is no such interface here.
fn needed(import: &str) -> Option<&'static [Capability]> {
    match interface(import) {
        Some("types" | "events" | "secrets" | "results") => Some(&[]),
        Some("ssh") => Some(&[Capability::Connect]),
        Some("detached") => Some(&[Capability::Detach]),
        Some("shell") => Some(&[Capability::Shell]),
        Some("sftp" | "transfer") => Some(&[Capability::RemoteFiles]),
        Some("local-files") => Some(&[Capability::LocalFiles]),
        None if import.starts_with("wasi:") => Some(&[Capability::Wasi]),
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
    has: impl Fn(Capability) -> bool,
) -> Vec<(String, Capability)> {
    let missing = |import: String| {
        let needed = needed(&import)?;
        let first = *needed.first()?;
        (!needed.iter().copied().any(&has)).then_some((import, first))
    };
    called(engine, component).into_iter().filter_map(missing).collect()
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
