//! What the operator says about credentials.

use crate::credentials::{Provider, Source};
use crate::environment::EnvironmentConfig;
use crate::file::FileConfig;
use crate::vault::VaultConfig;
use crate::{Credentials, Error};
use hostler_model::Secret;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The sections `[credentials.NAME]`.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub struct Config(BTreeMap<String, ProviderConfig>);

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum ProviderConfig {
    File(FileConfig),
    Env(EnvironmentConfig),
    Vault(Box<VaultConfig>),
}

impl Config {
    /// Checks the settings. `variables` is the environment of the daemon.
    pub fn build(self, variables: impl IntoIterator<Item = (String, String)>) -> Result<Credentials, Error> {
        let is_needed = self.0.values().any(|it| matches!(it, ProviderConfig::Env(_)));
        let variables = variables.into_iter().filter(|_| is_needed);
        let variables: Vec<_> = variables.map(|(name, value)| (name, Secret::new(value))).collect();
        let provider = |(name, config): (String, ProviderConfig)| {
            let built = config.build(&name, &variables);
            Ok((name.clone(), built.map_err(|why| Error { provider: name, why })?))
        };
        Ok(Credentials::new(self.0.into_iter().map(provider).collect::<Result<_, _>>()?))
    }
}

impl ProviderConfig {
    fn build(self, name: &str, variables: &[(String, Secret)]) -> Result<Provider, crate::error::Why> {
        Ok(match self {
            Self::File(config) => {
                let source = Source::File(config.build()?);
                Provider { source, allowed: config.allowed, callers: config.callers }
            }
            Self::Env(config) => {
                let source = Source::Environment(config.build(variables)?);
                Provider { source, allowed: config.allowed, callers: config.callers }
            }
            Self::Vault(config) => {
                let callers = config.callers.clone();
                Provider { source: Source::Vault(Box::new(config.build(name)?)), allowed: None, callers }
            }
        })
    }
}
