//! What a plugin is tried in: the daemon's own loader and gate, with folders of their own.

use crate::Surroundings;
use crate::built::{Built, Workplace};
use crate::error::Error;
use hostler_plugins::{Audit, Config, Manifest, PluginConfig, Plugins, PolicyConfig, check_name, is_built_in};
use hostler_remote::Connector;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A component that is tried.
pub(crate) struct Subject {
    built: Built,
    /// What it says of itself.
    pub(crate) manifest: Manifest,
}

/// Where a plugin is tried.
pub(crate) struct Trial {
    /// Its folders: `cache`, `data`, and the scripted servers' `servers`.
    pub(crate) place: Workplace,
    /// Folders with the daemon's files.
    roots: Vec<PathBuf>,
}

impl Subject {
    /// What `path` means: a component, or what the build of the project in this folder made.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let built = Built::find(path)?;
        let manifest = Manifest::of(&built.wasm, built.beside.as_deref())?;
        check_name(&manifest.name)?;
        // The built-in one would be tried instead.
        if is_built_in(&manifest.name) {
            return Err(hostler_plugins::Error::NameTaken(manifest.name).into());
        }
        Ok(Self { built, manifest })
    }

    /// A file that lies beside it unless somebody names another.
    pub(crate) fn beside(&self, given: Option<&Path>, name: &str) -> PathBuf {
        given.map_or_else(|| self.built.folder().join(name), Path::to_owned)
    }

    /// The same for a file without which nothing can be tried. Errors: there is none; `advice` is what to do about it.
    pub(crate) fn needed(&self, given: Option<&Path>, name: &str, advice: &str) -> Result<PathBuf, Error> {
        let path = self.beside(given, name);
        match path.try_exists() {
            Ok(false) => Err(Error::Input(format!("there is no {}: {advice}", path.display()))),
            _ => Ok(path),
        }
    }

    /// It as a policy of the chain, with the settings that lie beside it unless somebody names others.
    pub(crate) fn policy(&self, settings: Option<&Path>) -> Result<PolicyConfig, Error> {
        let path = self.beside(settings, "settings.json");
        let settings = if settings.is_some() || path.is_file() { read_json(&path)? } else { Map::new() };
        Ok(PolicyConfig::new(&self.manifest.name, Value::Object(settings)))
    }
}

impl Trial {
    /// A trial of this plugin.
    pub(crate) fn of(subject: &Subject) -> Result<Self, Error> {
        let files = subject.beside(None, "files").canonicalize().ok().filter(|files| files.is_dir());
        Ok(Self { place: subject.built.workplace()?, roots: files.into_iter().collect() })
    }

    /// Takes plugins into service as the daemon does. Each is given what it asks for, but for what `given` says of one.
    pub(crate) async fn load(
        &self,
        subjects: &[&Subject],
        given: BTreeMap<String, PluginConfig>,
        policies: Vec<PolicyConfig>,
        network: (Arc<dyn Connector>, Arc<dyn Audit>),
        surroundings: &Surroundings,
    ) -> Result<Arc<Plugins>, Error> {
        let plugins = TempDir::with_prefix("hostler-plugins-").map_err(|error| Error::file(&env::temp_dir(), error))?;
        let mut plugin = BTreeMap::new();
        for Subject { built, manifest } in subjects {
            let file = plugins.path().join(&manifest.name).with_extension("wasm");
            fs::write(&file, &built.wasm).map_err(|error| Error::file(&file, error))?;
            if let Some(beside) = &built.beside {
                let file = file.with_extension("toml");
                fs::write(&file, beside).map_err(|error| Error::file(&file, error))?;
            }
            let asked = manifest.wish(&Config::default());
            let PluginConfig { grants, limits, digest } = given.get(&manifest.name).cloned().unwrap_or_default();
            let limits = asked.limits.into_iter().chain(limits).collect();
            plugin.insert(manifest.name.clone(), PluginConfig { grants: grants.or(asked.grants), limits, digest });
        }
        let config = Config {
            folder: plugins.path().into(),
            unsigned: true,
            policies,
            plugin,
            ..self.place.config(surroundings)
        };
        let (connector, audit) = network;
        let loaded = config.build(connector, self.place.files(self.roots.clone())?, audit).await?;
        for Subject { manifest: Manifest { name, .. }, .. } in subjects {
            if let Some(error) = loaded.find(name).and_then(|info| info.error) {
                return Err(Error::Project(format!("{name} cannot be loaded: {error}")));
            }
        }
        Ok(loaded)
    }
}

/// Reads what an operator gives a plugin, as it could stand in a configuration under `[plugin.NAME]`. Errors: the line that
/// is wrong.
pub(crate) fn read_given(path: &Path) -> Result<PluginConfig, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::unreadable(path, &error))?;
    toml::from_str(&text).map_err(|error| Error::wrong(path, &error))
}

/// Reads a file that is a JSON object.
pub(crate) fn read_json(path: &Path) -> Result<Map<String, Value>, Error> {
    let text = fs::read(path).map_err(|error| Error::unreadable(path, &error))?;
    // serde_json says where it is wrong and what was expected, and never what it found.
    match serde_json::from_slice(&text).map_err(|error| Error::wrong(path, &format!("it is no JSON: {error}")))? {
        Value::Object(fields) => Ok(fields),
        _ => Err(Error::wrong(path, &"it should be an object")),
    }
}
