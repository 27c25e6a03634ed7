//! All plugins in service, and how they are found.

use crate::bench::Bench;
use crate::bindings::types;
use crate::cache::Cache;
use crate::compiler::Compiler;
use crate::folder::{Folder, Version};
use crate::instance::{State, store};
use crate::job::JobContext;
use crate::plugin::{Draft, Plugin, Pre, Source, World};
use crate::room::{Room, drive, judge};
use crate::schema::Schema;
use crate::signature::Trust;
use crate::table::Table;
use crate::watch::Watch;
use crate::{Audit, Config, Error, builtin, engine};
use arc_swap::ArcSwap;
use hostler_files::Files;
use hostler_model::{AuditEntry, AuditEvent, DriverSchemas, Failure, PluginInfo};
use hostler_remote::Connector;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::Mutex;
use wasmtime::{Engine, Store};

/// All plugins in service. How they change: `life_cycle`.
pub struct Plugins {
    pub(crate) engine: Engine,
    pub(crate) config: Config,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) files: Files,
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) folder: Folder,
    pub(crate) cache: Cache,
    pub(crate) compiler: Compiler,
    trust: Trust,
    table: ArcSwap<Table>,
    /// Held by whoever changes the table.
    pub(crate) changing: Mutex<()>,
    room: Room,
}

impl Plugins {
    /// None yet.
    pub(crate) fn new(
        config: Config,
        connector: Arc<dyn Connector>,
        files: Files,
        audit: Arc<dyn Audit>,
    ) -> Result<Self, Error> {
        Ok(Self {
            engine: engine::start(&config)?,
            connector,
            files,
            audit,
            folder: Folder(config.folder.clone()),
            cache: Cache::open(&config.cache)?,
            compiler: Compiler::new(&config)?,
            trust: Trust::new(&config)?,
            table: ArcSwap::default(),
            changing: Mutex::default(),
            room: Room::new(&config),
            config,
        })
    }

    pub(crate) async fn load(
        config: Config,
        connector: Arc<dyn Connector>,
        files: Files,
        audit: Arc<dyn Audit>,
    ) -> Result<Arc<Self>, Error> {
        let plugins = Self::new(config, connector, files, audit)?;
        // Before the folder is read: nothing is missed.
        let watch = plugins.config.watch.then(|| Watch::open(&plugins.folder.0)).transpose()?;
        let mut table = Table::default();
        for source in builtin::sources(&plugins.config) {
            plugins.add(&mut table, &source).await;
        }
        for name in plugins.folder.names()? {
            plugins.add_from_folder(&mut table, name).await;
        }
        for name in plugins.config.plugin.keys().filter(|name| table.info(name).is_none()) {
            tracing::warn!(
                plugin = name,
                "the configuration names a plugin that is not there yet; it can be installed"
            );
        }
        table.bench = Bench::seat(&plugins, &table).await?;
        table.bench.sweep();
        plugins.serve(table);
        let plugins = Arc::new(plugins);
        if let Some(watch) = watch {
            watch.follow(&plugins);
        }
        Ok(plugins)
    }

    /// A file that cannot be read is reported like a broken plugin.
    async fn add_from_folder(&self, table: &mut Table, name: String) {
        let origin = format!("{name}.wasm");
        if table.is_built_in(&name) {
            return report(table, &name, &origin, &Error::NameTaken(name.clone()));
        }
        match (self.folder.version(&name), self.folder.previous(&name)) {
            (Ok(Some(version)), Ok(previous)) => {
                let source = Source::of_folder(&name, version);
                table.previous.extend(previous.map(|previous| (name.clone(), previous.digest().to_owned())));
                self.add(table, &source).await;
                let digest = source.version.digest();
                if table.get(&name).is_some() {
                    self.keep(&source.version);
                    self.note(AuditEvent::Loaded, None, &name, digest, "the daemon started");
                } else {
                    let reason = table.reason(&name).unwrap_or_default();
                    self.note(AuditEvent::Refused, None, &name, digest, reason);
                }
            }
            (Ok(None), _) => {} // it was removed a moment ago
            (Err(error), _) | (_, Err(error)) => report(table, &name, &origin, &error),
        }
    }

    /// Takes a plugin into service, or reports why it is not.
    async fn add(&self, table: &mut Table, source: &Source) {
        let Source { name, origin, .. } = source;
        match self.ready(source).await {
            Ok(plugin) => {
                tracing::info!(plugin = name, version = plugin.version, origin, "plugin loaded");
                table.insert(plugin);
            }
            Err(error) => report(table, name, origin, &error),
        }
    }

    /// Writes down what became of a plugin, and who wanted it.
    pub(crate) fn note(&self, event: AuditEvent, caller: Option<&str>, name: &str, digest: &str, reason: &str) {
        self.audit.record(AuditEntry {
            caller: caller.map(Into::into),
            plugin: name.into(),
            digest: digest.into(),
            by: "loader".into(),
            reason: reason.into(),
            ..AuditEntry::new(event, "plugin")
        });
    }

    /// Keeps a copy of what goes into service.
    pub(crate) fn keep(&self, version: &Version) {
        if let Err(error) = self.cache.keep_version(version) {
            tracing::warn!(%error, "a plugin could not be copied; once it is replaced, it cannot be rolled back to");
        }
    }

    /// Takes a table into service.
    pub(crate) fn serve(&self, table: Table) {
        if let Err(error) = self.cache.prune(&self.engine, &table.digests()) {
            tracing::warn!(%error, "compiled plugins that are not used any more could not be removed");
        }
        self.table.store(Arc::new(table));
    }

    /// Whether the operator's trust reaches this component; answers who signed it.
    pub(crate) fn admit(&self, source: &Source) -> Result<Option<String>, Error> {
        let own = self.config.plugin.get(&source.name);
        self.trust.admit(source, own.and_then(|own| own.digest.as_deref()))
    }

    /// Whether a plugin is a policy of the chain.
    pub(crate) fn is_seated(&self, name: &str) -> bool {
        self.config.policies.iter().any(|policy| policy.plugin == name)
    }

    /// Asks a plugin who it is; that is also its first test under limits.
    pub(crate) async fn describe(&self, draft: Draft, signed_by: Option<String>) -> Result<Plugin, Error> {
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
        let loaded_at = Timestamp::now();
        Ok(Plugin { terms, version, summary, digest, origin, signed_by, loaded_at, world })
    }

    /// Has a driver validate an empty request, as every client could: it may refuse it, but has to answer. A policy has
    /// described itself already, and checks its settings before it is seated.
    pub(crate) async fn test(&self, plugin: &Plugin) -> Result<(), Error> {
        let World::Driver { pre, .. } = &plugin.world else { return Ok(()) };
        let failed = |failure: Failure| Error::SelfTest(failure.message);
        let empty = types::Request {
            command: None,
            config: None,
            connection_args: "{}".into(),
            driver_args: "{}".into(),
            secrets: Vec::new(),
        };
        let permit = self.room.driver().await;
        let mut instance = drive(pre, self.store(plugin, None), permit).await.map_err(failed)?;
        let answer = instance
            .call(async |store, driver| driver.hostler_plugin_driving().call_validate(store, &empty).await)
            .await;
        answer.map(drop).map_err(failed)
    }

    /// What is in service now.
    pub(crate) fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// What is loaded, and what could not be, by name.
    pub fn list(&self) -> Vec<PluginInfo> {
        self.table().list()
    }

    /// One of the list.
    pub fn find(&self, name: &str) -> Option<PluginInfo> {
        self.table().info(name)
    }

    /// The daemon's files, as jobs see them.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Names of the drivers in service, sorted.
    pub fn drivers(&self) -> Vec<String> {
        self.table().drivers()
    }

    /// How many jobs a driver carries out at once, or `None` if there is no such driver.
    pub fn concurrency(&self, driver: &str) -> Option<usize> {
        Some(self.driver(driver).ok()?.terms.limits.concurrency)
    }

    /// The schemas of a driver, or `None` if there is no such driver.
    pub fn schemas(&self, driver: &str) -> Option<DriverSchemas> {
        match &self.table().get(driver)?.world {
            World::Driver { connection_args, driver_args, .. } => Some(DriverSchemas {
                connection_args: Arc::clone(&connection_args.value),
                driver_args: Arc::clone(&driver_args.value),
            }),
            World::Policy { .. } => None,
        }
    }

    pub(crate) fn driver(&self, name: &str) -> Result<Arc<Plugin>, Failure> {
        self.table().driver(name)
    }

    pub(crate) fn store(&self, plugin: &Plugin, job: Option<Arc<JobContext>>) -> Store<State> {
        store(&self.engine, &plugin.terms, job)
    }

    pub(crate) fn room(&self) -> &Room {
        &self.room
    }
}

fn report(table: &mut Table, name: &str, origin: &str, error: &Error) {
    tracing::error!(plugin = name, origin, %error, "plugin not loaded");
    table.report(name, origin, error.to_string());
}
