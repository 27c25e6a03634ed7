//! What a plugin is tried in: the daemon's own loader and gate, with folders of their own.

use crate::Surroundings;
use crate::built::{Built, COMPILE_TIME, Workplace};
use crate::error::Error;
use hostler_plugins::{Audit, Config, Grant, Manifest, PluginConfig, Plugins, PolicyConfig, check_name};
use hostler_remote::Connector;
use serde::Deserialize;
use std::collections::BTreeMap;
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

/// A file of grants, as they could stand in a configuration under `[plugin.NAME]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grants {
    grants: Vec<Grant>,
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
        Ok(Self { built, manifest })
    }

    /// A file that lies beside it unless somebody names another.
    pub(crate) fn beside(&self, given: Option<&Path>, name: &str) -> PathBuf {
        given.map_or_else(|| self.built.folder().join(name), Path::to_owned)
    }
}

impl Trial {
    /// A trial of this plugin.
    pub(crate) fn of(subject: &Subject) -> Result<Self, Error> {
        let files = subject.beside(None, "files").canonicalize().ok().filter(|files| files.is_dir());
        Ok(Self { place: subject.built.workplace()?, roots: files.into_iter().collect() })
    }

    /// Takes plugins into service as the daemon does. Each is granted what it asks for, but for what `grants` says of one.
    pub(crate) async fn load(
        &self,
        subjects: &[&Subject],
        grants: BTreeMap<String, Vec<Grant>>,
        policies: Vec<PolicyConfig>,
        network: (Arc<dyn Connector>, Arc<dyn Audit>),
        surroundings: &Surroundings,
    ) -> Result<Arc<Plugins>, Error> {
        let plugins =
            TempDir::with_prefix("hostler-plugins-").map_err(|error| Error::file(&self.place.folder, error))?;
        let mut plugin = BTreeMap::new();
        for Subject { built, manifest } in subjects {
            let file = plugins.path().join(&manifest.name).with_extension("wasm");
            fs::write(&file, &built.wasm).map_err(|error| Error::file(&file, error))?;
            if let Some(beside) = &built.beside {
                let file = file.with_extension("toml");
                fs::write(&file, beside).map_err(|error| Error::file(&file, error))?;
            }
            let granted = grants.get(&manifest.name).unwrap_or(&manifest.requests).clone();
            let own = PluginConfig { grants: Some(granted), ..manifest.wish(&Config::default()) };
            plugin.insert(manifest.name.clone(), own);
        }
        let config = Config {
            folder: plugins.path().into(),
            cache: self.place.cache(),
            unsigned: true,
            compiler: Some(surroundings.compiler.clone()),
            compile_time: COMPILE_TIME,
            policies,
            plugin,
            ..Config::default()
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

/// Reads a file of grants. Errors: the line that is wrong.
pub(crate) fn read_grants(path: &Path) -> Result<Vec<Grant>, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::unreadable(path, &error))?;
    let grants: Result<Grants, _> = toml::from_str(&text);
    Ok(grants.map_err(|error| Error::Input(format!("{} is wrong: {error}", path.display())))?.grants)
}
