//! The providers, and how a reference becomes a credential.

use crate::ask::Ask;
use crate::environment::Environment;
use crate::failures;
use crate::file::Files;
use crate::vault::Vault;
use hostler_model::{CredentialRef, Failure, Resolved};
use hostler_patterns::matches;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// The providers of this daemon, by name.
#[derive(Default)]
pub struct Credentials(BTreeMap<String, Provider>);

pub(crate) struct Provider {
    pub(crate) source: Source,
    /// References that may be used; absent: all. Vault has paths instead.
    pub(crate) allowed: Option<Vec<String>>,
    /// Who may use it; absent: everybody.
    pub(crate) callers: Option<Vec<String>>,
}

pub(crate) enum Source {
    File(Files),
    Environment(Environment),
    Vault(Box<Vault>),
}

impl Credentials {
    pub(crate) fn new(providers: BTreeMap<String, Provider>) -> Self {
        Self(providers)
    }

    /// Which provider is meant: the one that is named, or else the only one. Errors: `bad-credential`.
    pub fn provider<'a>(&'a self, credential: &'a CredentialRef) -> Result<&'a str, Failure> {
        self.named(credential).map(|(name, _)| name)
    }

    fn named<'a>(&'a self, credential: &'a CredentialRef) -> Result<(&'a str, &'a Provider), Failure> {
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        let name = match (&credential.provider, names.as_slice()) {
            (_, []) => return Err(failures::disabled()),
            (Some(name), _) => name.as_str(),
            (None, [only]) => only,
            (None, several) => return Err(failures::which_provider(several)),
        };
        let (name, provider) = self.0.get_key_value(name).ok_or_else(|| failures::no_provider(name))?;
        Ok((name, provider))
    }

    /// Finds a credential for the API key of this name. Errors: `bad-credential` if the request cannot be right, `denied` if the
    /// operator does not let the caller have it, `credential-unavailable` if the provider fails.
    pub async fn resolve(&self, credential: &CredentialRef, caller: &str) -> Result<Resolved, Failure> {
        let (name, provider) = self.named(credential)?;
        let (ask, reference) = (Ask::read(credential)?, credential.reference.as_str());
        let lets = |patterns: &Option<Vec<String>>, text: &str| {
            patterns.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| matches(pattern, text)))
        };
        if !lets(&provider.callers, caller) || !lets(&provider.allowed, reference) {
            return Err(failures::denied(name, reference, caller));
        }
        let fields = match &provider.source {
            Source::Vault(vault) => Some(vault.find(reference, &ask, caller).await?),
            Source::Environment(environment) => {
                ask.check_plain(reference)?;
                environment.find(reference).map(Arc::new)
            }
            Source::File(files) => {
                ask.check_plain(reference)?;
                let (files, provider, reference) = (files.clone(), name.to_owned(), reference.to_owned());
                let found = spawn_blocking(move || files.find(&provider, &reference)).await;
                found.map_err(|error| failures::unavailable_because(name, "failed", error))??.map(Arc::new)
            }
        };
        fields.ok_or_else(|| failures::not_there(name, reference))?.map(&ask.field_mapping)
    }
}
