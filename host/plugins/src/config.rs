//! What the operator says about plugins.

use crate::{Audit, Error, Grant, Limits, Plugins};
use hostler_files::Files;
use hostler_remote::Connector;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The section `[plugins]`, and what the daemon knows about folders.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where components lie, one `NAME.wasm` each.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Where compiled components are kept. Only the daemon may write here.
    #[serde(skip)]
    pub cache: PathBuf,
    /// How many plugin instances of each world may live at once.
    pub max_instances: u32,
    /// How long a job may take, whatever it asked for, in seconds.
    pub max_execution_time: f64,
    /// Who may sign plugins: Ed25519 keys, each a line as OpenSSH writes it.
    pub keys: Vec<String>,
    /// Whether plugins are loaded that nobody signed.
    pub unsigned: bool,
    /// Whether what changes in the folder is taken into service, or out of it, without being asked: for development.
    pub watch: bool,
    /// Address space that the compiler of plugins may use, in bytes.
    pub compile_memory: u64,
    /// CPU time, and wall clock, that the compiler of plugins may use, in seconds.
    pub compile_time: u64,
    /// When a plugin that keeps failing is not called any more, and for how long.
    pub breaker: BreakerConfig,
    /// What compiles plugins; without one they are compiled in this process, without limits.
    #[serde(skip)]
    pub compiler: Option<Compiler>,
    /// Limits of drivers, unless a plugin has its own.
    pub driver_limits: Limits,
    /// Limits of policies, unless a plugin has its own.
    pub policy_limits: Limits,
    /// The sections `[[policy]]`: the policies that judge every job, in order.
    #[serde(skip)]
    pub policies: Vec<PolicyConfig>,
    /// The sections `[plugin.NAME]`: what single plugins are granted.
    #[serde(skip)]
    pub plugin: BTreeMap<String, PluginConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            cache: PathBuf::new(),
            max_instances: 128,
            max_execution_time: 24.0 * 3600.0,
            keys: Vec::new(),
            unsigned: false,
            watch: false,
            compile_memory: 4 << 30,
            compile_time: 120,
            breaker: BreakerConfig::default(),
            compiler: None,
            driver_limits: Limits::driver(),
            policy_limits: Limits::policy(),
            policies: vec![PolicyConfig::default()],
            plugin: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Loads every plugin. A plugin that cannot be loaded is reported by [`Plugins::list`]; a
    /// policy that is configured but cannot serve is an error, because jobs would pass unjudged. Decisions are
    /// written down in `audit`. Transfers find the daemon's files in `files`. Needs a runtime with several threads, because
    /// loading blocks.
    pub async fn build(
        self,
        connector: Arc<dyn Connector>,
        files: Files,
        audit: Arc<dyn Audit>,
    ) -> Result<Arc<Plugins>, Error> {
        Plugins::load(self, connector, files, audit).await
    }

    /// See [`Config::max_execution_time`].
    pub(crate) fn max_execution_time(&self) -> Duration {
        Duration::try_from_secs_f64(self.max_execution_time).unwrap_or(Duration::from_hours(24))
    }
}

/// The section `[plugins.breaker]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// How often in a row a plugin has to fail, by a trap, a limit or nonsense, before it is not called any more; 0 means
    /// that it is always called.
    pub failures: u32,
    /// For how long it is not called at first, in seconds. Each time that it fails again, this doubles.
    pub wait: u32,
    /// For how long it is not called at most, in seconds.
    pub max_wait: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, wait: 10, max_wait: 600 }
    }
}

/// A program that calls [`compile`](crate::compile) with the two numbers that it gets after its arguments.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The program.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// All that is in its environment.
    pub environment: Vec<(String, String)>,
}

/// One policy in the chain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// Name of the plugin.
    pub plugin: String,
    /// What its settings schema describes.
    #[serde(default = "no_settings")]
    pub settings: Value,
    /// Whether what it says counts.
    #[serde(default)]
    pub mode: Mode,
    /// Whether it may change jobs.
    #[serde(default)]
    pub may_amend: bool,
}

/// Whether what a policy says counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It does. A policy that fails denies.
    #[default]
    Protect,
    /// It is written down what it would have denied or changed, and that is all: for trying a policy out.
    Monitor,
}

impl PolicyConfig {
    /// A policy that protects and does not amend.
    pub fn new(plugin: impl Into<String>, settings: Value) -> Self {
        Self { plugin: plugin.into(), settings, mode: Mode::Protect, may_amend: false }
    }
}

/// The chain where none is configured: `policy-hosts`, which allows all until it is given rules.
impl Default for PolicyConfig {
    fn default() -> Self {
        Self::new("policy-hosts", no_settings())
    }
}

fn no_settings() -> Value {
    Value::Object(serde_json::Map::new())
}

/// What one plugin is granted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginConfig {
    /// What it may do. Absent: nothing, but for a built-in plugin what it comes with.
    pub grants: Option<Vec<Grant>>,
    /// Its own limits, by the names of [`Limits`]: they stand in for those of its world.
    pub limits: Map<String, Value>,
    /// The only component that it may be: `sha256:` and hexadecimal digits. It then needs no signature.
    pub digest: Option<String>,
}
