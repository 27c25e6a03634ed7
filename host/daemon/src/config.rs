//! The configuration: defaults, then the file, then the environment, then the command line.

use crate::cli::Files;
use anyhow::Context;
use config::{Environment, File, FileFormat};
use hostler_jobs::WebhookConfig;
use hostler_plugins::{Compiler, PluginConfig, PolicyConfig};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Everything that can be configured. An unknown key is an error.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Folder for everything that the daemon keeps.
    pub(crate) data_dir: PathBuf,
    /// A file that holds the API key, where `HOSTLER_API_KEY` does not.
    pub(crate) api_key_file: Option<PathBuf>,
    /// HTTP.
    pub(crate) http: hostler_api::Config,
    /// The queue.
    pub(crate) jobs: hostler_jobs::Config,
    /// Whom to tell what becomes of jobs.
    pub(crate) webhooks: WebhookConfig,
    /// Where credentials are kept that requests only name.
    pub(crate) credentials: hostler_credentials::Config,
    /// Plugins in general.
    pub(crate) plugins: hostler_plugins::Config,
    /// The daemon's own files.
    pub(crate) files: hostler_files::Config,
    /// SSH.
    pub(crate) ssh: hostler_remote::Config,
    /// The policies that judge every job, in order.
    pub(crate) policy: Vec<PolicyConfig>,
    /// What single plugins are granted, by name.
    pub(crate) plugin: BTreeMap<String, PluginConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)),
            data_dir: "hostler-data".into(),
            api_key_file: None,
            http: hostler_api::Config::default(),
            jobs: hostler_jobs::Config::default(),
            webhooks: WebhookConfig::default(),
            credentials: hostler_credentials::Config::default(),
            plugins: hostler_plugins::Config::default(),
            files: hostler_files::Config::default(),
            ssh: hostler_remote::Config::default(),
            policy: vec![PolicyConfig::default()],
            plugin: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads all sources and fills in the folders below the data directory.
    pub(crate) fn load(files: &Files) -> anyhow::Result<Self> {
        Self::read(files, variables())
    }

    fn read(files: &Files, variables: impl Iterator<Item = (String, String)>) -> anyhow::Result<Self> {
        let mut sources = config::Config::builder();
        if let Some(path) = &files.config {
            let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            // Read once on its own, because only this reader names the line of a wrong key.
            toml::from_str::<Self>(&text).with_context(|| format!("{} is wrong", path.display()))?;
            sources = sources.add_source(File::from_str(&text, FileFormat::Toml));
        }
        // HOSTLER_SECTION__KEY. The key of the API, the log filter and the client's address are no part of it.
        let mut environment = Environment::with_prefix("HOSTLER").prefix_separator("_").separator("__");
        environment = environment.try_parsing(true).list_separator(":");
        for folders in ["files.roots", "ssh.key_roots", "ssh.default_keys", "webhooks.allow_private"] {
            environment = environment.with_list_parse_key(folders);
        }
        let ours = |name: &str| matches!(name, "HOSTLER_API_KEY" | "HOSTLER_LOG" | "HOSTLER_URL");
        let variables = variables.filter(|(name, _)| !ours(name)).collect();
        sources = sources.add_source(environment.source(Some(variables)));
        let read = sources.build().and_then(config::Config::try_deserialize::<Self>);
        let mut config = read.context("the configuration is wrong (file, or a variable HOSTLER_…)")?;
        if let Some(data_dir) = &files.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        config.settle();
        Ok(config)
    }

    /// Hands each room what is known only here.
    fn settle(&mut self) {
        let data = &self.data_dir;
        self.files.data.clone_from(data);
        self.plugins.folder = data.join("plugins");
        self.plugins.cache = data.join("cache");
        self.plugins.compiler = Some(compiler());
        self.plugins.policies = std::mem::take(&mut self.policy);
        self.plugins.plugin = std::mem::take(&mut self.plugin);
        if self.ssh.key_roots.is_empty() {
            self.ssh.key_roots = vec![data.join("keys")];
        }
        if self.ssh.known_hosts.as_os_str().is_empty() {
            self.ssh.known_hosts = data.join("known_hosts");
        }
    }
}

/// What compiles plugins.
pub(crate) fn compiler() -> Compiler {
    Compiler {
        // This program, also after its file was replaced by a newer one.
        program: "/proc/self/exe".into(),
        arguments: vec!["compile-plugin".into()],
        // Else the allocator takes a gigabyte at once, before the limit is set.
        environment: vec![("MIMALLOC_ARENA_RESERVE".into(), "32MiB".into())],
    }
}

/// The environment, but for what is no text.
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    let variables = std::env::vars_os();
    variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(config: Option<PathBuf>) -> Files {
        Files { config, data_dir: Some("data".into()) }
    }

    fn load(text: &str) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("hostler.toml");
        std::fs::write(&path, text)?;
        Config::load(&files(Some(path)))
    }

    #[test]
    fn the_example_of_the_readme_is_valid() {
        let readme = include_str!("../../../README.md");
        let example = readme.split("## Configuration").nth(1).and_then(|rest| rest.split("```").nth(1));
        let example = example.and_then(|block| block.strip_prefix("toml")).expect("an example");
        let config = load(example).unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(config.plugins.policies.len(), 1);
        assert_eq!(config.ssh.key_roots, [PathBuf::from("/etc/hostler/keys")]);
        assert!(config.plugins.plugin.contains_key("my-driver"));
        assert_eq!(config.files.roots, [PathBuf::from("/srv/transfer")]);
    }

    #[test]
    fn folders_in_a_variable_are_separated_as_in_a_path() {
        let variables = [("HOSTLER_FILES__ROOTS", "/local:/srv/a b"), ("HOSTLER_FILES__STAGED_MAX_SIZE", "7")];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::read(&files(None), variables).unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(config.files.roots, [PathBuf::from("/local"), PathBuf::from("/srv/a b")]);
        assert_eq!(config.files.staged_max_size, 7);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let Err(error) = load("[jobs]\nmax_runing = 3\n") else { panic!("it was accepted") };
        let error = format!("{error:#}");
        assert!(error.contains("line 2") && error.contains("max_runing"), "{error}");
    }

    #[test]
    fn folders_follow_the_data_directory() {
        let config = Config::load(&files(None)).unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(config.ssh.known_hosts, PathBuf::from("data/known_hosts"));
        assert_eq!(config.ssh.key_roots, [PathBuf::from("data/keys")]);
        assert_eq!(
            config.plugins.policies[0].plugin, "policy-hosts",
            "jobs are judged unless the operator says otherwise"
        );
    }
}
