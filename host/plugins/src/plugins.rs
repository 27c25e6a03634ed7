//! All plugins in service: how they get there, and how they are found.

use crate::bench::Bench;
use crate::cache::Cache;
use crate::instance::{Instance, State};
use crate::instance::{instantiation_failure, store};
use crate::job::JobContext;
use crate::plugin::{Draft, Plugin, Pre, Source, World};
use crate::schema::Schema;
use crate::{Audit, Config, Error, builtin, engine};
use hostler_model::{DriverSchemas, ErrorKind, Failure, Phase, PluginInfo};
use hostler_remote::Connector;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Engine, Store};

/// A component larger than this is not read.
const MAX_COMPONENT: u64 = 64 << 20;

/// All plugins in service. Immutable once loaded.
pub struct Plugins {
    engine: Engine,
    pub(crate) config: Config,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) audit: Arc<dyn Audit>,
    loaded: BTreeMap<String, Arc<Plugin>>,
    broken: Vec<PluginInfo>,
    pub(crate) bench: Bench,
    room: Room,
}

/// How many instances may live. Drivers wait for policies, never the other way round, so each world
/// has a count of its own and no two jobs can wait for each other.
pub(crate) struct Room {
    drivers: Arc<Semaphore>,
    policies: Arc<Semaphore>,
}

impl Plugins {
    pub(crate) async fn load(
        config: Config,
        connector: Arc<dyn Connector>,
        audit: Arc<dyn Audit>,
    ) -> Result<Arc<Self>, Error> {
        let engine = engine::start(&config)?;
        let cache = Cache::open(&config.cache)?;
        let instances = config.max_instances as usize;
        let policies = config.policies.len().max(1);
        let mut plugins = Self {
            engine,
            connector,
            audit,
            loaded: BTreeMap::new(),
            broken: Vec::new(),
            bench: Bench::default(),
            room: Room {
                drivers: Arc::new(Semaphore::new(instances)),
                policies: Arc::new(Semaphore::new(instances.saturating_mul(policies))),
            },
            config,
        };
        let mut sources = builtin::sources(&plugins.config);
        sources.extend(plugins.folder()?);
        let cache = Arc::new(cache);
        for source in sources {
            plugins.add(Arc::clone(&cache), source).await;
        }
        if let Some(name) = plugins.config.plugin.keys().find(|name| !plugins.knows(name)) {
            return Err(Error::Unknown(name.clone()));
        }
        let bench = Bench::seat(&plugins).await?;
        Ok(Arc::new(Self { bench, ..plugins }))
    }

    /// The components in the plugins folder. A file that cannot be read is reported like a broken plugin.
    fn folder(&mut self) -> Result<Vec<Source>, Error> {
        let folder = self.config.folder.clone();
        let failed = |source| Error::File { path: folder.clone(), source };
        let mut sources = Vec::new();
        if !folder.exists() {
            return Ok(sources);
        }
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(name) = file.strip_suffix(".wasm") else { continue };
            match read(&path) {
                Ok((wasm, manifest)) => {
                    sources.push(Source { name: name.into(), origin: file.clone(), wasm, manifest, grants: vec![] });
                }
                Err(source) => self.report(name, &file, &Error::File { path, source }),
            }
        }
        sources.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(sources)
    }

    /// Takes a plugin into service, or reports why it is not.
    async fn add(&mut self, cache: Arc<Cache>, source: Source) {
        let (name, origin) = (source.name.clone(), source.origin.clone());
        match self.try_add(cache, source).await {
            Ok(plugin) => {
                tracing::info!(plugin = name, version = plugin.version, origin, "plugin loaded");
                self.loaded.insert(name, Arc::new(plugin));
            }
            Err(error) => self.report(&name, &origin, &error),
        }
    }

    async fn try_add(&self, cache: Arc<Cache>, source: Source) -> Result<Plugin, Error> {
        let simple = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if source.name.is_empty() || !source.name.chars().all(simple) {
            return Err(Error::Description("a plugin's name has lower-case letters, digits and `-` only".into()));
        }
        if self.loaded.contains_key(&source.name) {
            return Err(Error::NameTaken(source.name));
        }
        let (engine, config) = (self.engine.clone(), self.config.clone());
        let drafted = tokio::task::spawn_blocking(move || Draft::load(&engine, &cache, &config, &source)).await;
        let draft = drafted.map_err(|error| Error::NotAComponent(format!("the compiler failed: {error}")))??;
        self.describe(draft).await
    }

    /// Asks a plugin who it is; that is also its first test under limits.
    async fn describe(&self, draft: Draft) -> Result<Plugin, Error> {
        let failed = |failure: Failure| Error::Description(failure.message);
        let store = store(&self.engine, &draft.terms, None);
        let (name, version, summary, world) = match draft.pre {
            Pre::Driver(pre) => {
                let permit = self.room.driver().await;
                let mut instance = drive(&pre, store, permit).await.map_err(failed)?;
                let described = instance
                    .call(async |store, driver| driver.hostler_plugin_driving().call_describe(store).await)
                    .await;
                let is = described.map_err(failed)?;
                let connection_args = Schema::parse(&is.connection_schema).map_err(Error::Description)?;
                let driver_args = Schema::parse(&is.driver_schema).map_err(Error::Description)?;
                (is.name, is.version, is.summary, World::Driver { pre, connection_args, driver_args })
            }
            Pre::Policy(pre) => {
                let permit = self.room.policy().await;
                let mut instance = judge(&pre, store, permit).await.map_err(failed)?;
                let described = instance
                    .call(async |store, policy| policy.hostler_plugin_judging().call_describe(store).await)
                    .await;
                let is = described.map_err(failed)?;
                let settings = Schema::parse(&is.settings_schema).map_err(Error::Description)?;
                (is.name, is.version, is.summary, World::Policy { pre, settings })
            }
        };
        let Draft { terms, manifest, digest, origin, .. } = draft;
        if (&name, &version) != (&manifest.name, &manifest.version) {
            let says = format!("{} {}", manifest.name, manifest.version);
            return Err(Error::Description(format!("it calls itself {name} {version}, but its manifest says {says}")));
        }
        Ok(Plugin { terms, version, summary, digest, origin, world })
    }

    fn report(&mut self, name: &str, origin: &str, error: &Error) {
        tracing::error!(plugin = name, origin, %error, "plugin not loaded");
        self.broken.push(PluginInfo {
            name: name.into(),
            version: String::new(),
            summary: String::new(),
            world: "unknown".into(),
            digest: String::new(),
            origin: origin.into(),
            grants: Value::Null,
            limits: Value::Null,
            usage: Value::Null,
            error: Some(error.to_string()),
        });
    }

    fn knows(&self, name: &str) -> bool {
        self.loaded.contains_key(name) || self.broken.iter().any(|plugin| plugin.name == name)
    }

    /// What is loaded, and what could not be, by name.
    pub fn list(&self) -> Vec<PluginInfo> {
        let mut list: Vec<_> = self.loaded.values().map(|plugin| plugin.info()).chain(self.broken.clone()).collect();
        list.sort_by(|one, other| one.name.cmp(&other.name));
        list
    }

    /// Names of the drivers in service, sorted.
    pub fn drivers(&self) -> Vec<String> {
        let is_driver = |plugin: &&Arc<Plugin>| matches!(plugin.world, World::Driver { .. });
        self.loaded.values().filter(is_driver).map(|plugin| plugin.terms.name.to_string()).collect()
    }

    /// The schemas of a driver, or `None` if there is no such driver.
    pub fn schemas(&self, driver: &str) -> Option<DriverSchemas> {
        match &self.loaded.get(driver)?.world {
            World::Driver { connection_args, driver_args, .. } => Some(DriverSchemas {
                connection_args: Arc::clone(&connection_args.value),
                driver_args: Arc::clone(&driver_args.value),
            }),
            World::Policy { .. } => None,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.loaded.get(name)
    }

    /// Why a plugin that exists is not in service.
    pub(crate) fn reason(&self, name: &str) -> Option<&str> {
        self.broken.iter().find(|plugin| plugin.name == name)?.error.as_deref()
    }

    pub(crate) fn driver(&self, name: &str) -> Result<&Arc<Plugin>, Failure> {
        if let Some(plugin) = self.get(name).filter(|plugin| matches!(plugin.world, World::Driver { .. })) {
            return Ok(plugin);
        }
        let message = match self.reason(name) {
            Some(reason) => format!("driver {name} is not in service: {reason}"),
            None => format!("there is no driver {name}; the drivers here are {}", self.drivers().join(", ")),
        };
        let kind = if self.reason(name).is_some() { ErrorKind::BadPlugin } else { ErrorKind::NotFound };
        Err(Failure::new(kind, Phase::Validate, message))
    }

    pub(crate) fn store(&self, plugin: &Plugin, job: Option<Arc<JobContext>>) -> Store<State> {
        store(&self.engine, &plugin.terms, job)
    }

    pub(crate) fn room(&self) -> &Room {
        &self.room
    }
}

impl Room {
    pub(crate) async fn driver(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.drivers).acquire_owned().await.expect("the semaphore is never closed")
    }

    pub(crate) async fn policy(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.policies).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Whether idle policies should make way for others.
    pub(crate) fn is_scarce(&self) -> bool {
        self.policies.available_permits() == 0
    }
}

/// Makes an instance of a driver.
pub(crate) async fn drive(
    pre: &crate::bindings::driver::DriverPre<State>,
    mut store: Store<State>,
    permit: OwnedSemaphorePermit,
) -> Result<Instance<crate::bindings::driver::Driver>, Failure> {
    let made = pre.instantiate_async(&mut store).await;
    let bindings = made.map_err(|error| instantiation_failure(&store, &error))?;
    Ok(Instance::new(store, bindings, permit))
}

/// Makes an instance of a policy.
pub(crate) async fn judge(
    pre: &crate::bindings::policy::PolicyPre<State>,
    mut store: Store<State>,
    permit: OwnedSemaphorePermit,
) -> Result<Instance<crate::bindings::policy::Policy>, Failure> {
    let made = pre.instantiate_async(&mut store).await;
    let bindings = made.map_err(|error| instantiation_failure(&store, &error))?;
    Ok(Instance::new(store, bindings, permit))
}

/// A component, and the manifest beside it.
fn read(path: &Path) -> std::io::Result<(Vec<u8>, Option<String>)> {
    if std::fs::metadata(path)?.len() > MAX_COMPONENT {
        let message = format!("it is larger than {} MiB", MAX_COMPONENT >> 20);
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message));
    }
    let manifest = match std::fs::read_to_string(path.with_extension("toml")) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    Ok((std::fs::read(path)?, manifest))
}
