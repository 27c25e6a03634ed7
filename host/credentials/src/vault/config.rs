//! What the operator says about Vault.

use super::login::{Kept, Login};
use super::memory::Memory;
use super::{Vault, segments};
use crate::error::Why;
use hostler_model::Secret;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use std::time::Duration;

/// A provider of kind `vault`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VaultConfig {
    /// Address of the server: `https://vault.example:8200`.
    addr: String,
    /// What opens it. Better in a file, or as `HOSTLER_CREDENTIALS__NAME__TOKEN` in the environment.
    #[serde(default, deserialize_with = "secret")]
    token: Option<Secret>,
    /// A file that holds it, read at each use: Vault's agent may write it anew.
    token_file: Option<PathBuf>,
    /// Instead of a token: who logs in by `AppRole`.
    role_id: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    secret_id: Option<Secret>,
    secret_id_file: Option<PathBuf>,
    /// The namespace; absent: none.
    namespace: Option<String>,
    /// Other namespaces that a request may ask for.
    #[serde(default)]
    namespaces: Vec<String>,
    /// Whether its certificate must be right.
    #[serde(default = "yes")]
    verify: bool,
    /// Certificates (PEM) of those who may vouch for it, besides those that the system trusts.
    ca_file: Option<PathBuf>,
    /// Where the key-value engine is, unless a request says otherwise.
    #[serde(default = "kv")]
    mount: String,
    /// What of it may be read: `MOUNT/PATH`, with all that is below, in whole segments. Empty: everything.
    #[serde(default)]
    allowed_paths: Vec<String>,
    /// How long what it answers is kept in memory, in seconds; 0: not at all.
    #[serde(default = "ten")]
    cache: u32,
    /// How long it may take to answer, in seconds.
    #[serde(default = "ten")]
    timeout: u32,
    /// Names of API keys that may use it, with `*` and `?`; absent: all.
    pub(crate) callers: Option<Vec<String>>,
}

fn yes() -> bool {
    true
}

fn kv() -> String {
    "kv".into()
}

fn ten() -> u32 {
    10
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

impl VaultConfig {
    pub(crate) fn build(self, name: &str) -> Result<Vault, Why> {
        let address = Url::parse(&self.addr).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
        });
        let address = address.ok_or(Why::Address)?;
        let kept = |text: Option<Secret>, file: Option<PathBuf>| match (text, file) {
            (Some(text), None) => Ok(Some(Kept::Here(text))),
            (None, Some(file)) => Ok(Some(Kept::File(file))),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Why::Login),
        };
        let token = kept(self.token, self.token_file)?;
        let login = match (token, self.role_id, kept(self.secret_id, self.secret_id_file)?) {
            (Some(token), None, None) => Login::token_of(token),
            (None, Some(role), Some(secret)) => Login::app_role(role, secret),
            _ => return Err(Why::Login),
        };
        let allowed = |path: &String| segments(path).ok_or_else(|| Why::Allowed(path.clone()));
        let allowed = self.allowed_paths.iter().map(allowed).collect::<Result<_, _>>()?;
        let mut client = Client::builder().no_proxy().redirect(Policy::none());
        client = client.timeout(Duration::from_secs(self.timeout.into())).tls_danger_accept_invalid_certs(!self.verify);
        if let Some(path) = self.ca_file {
            let read =
                std::fs::read(&path).map_err(|source| Why::Authority { path: path.clone(), source: source.into() })?;
            let certificates = Certificate::from_pem_bundle(&read);
            client =
                client.tls_certs_merge(certificates.map_err(|source| Why::Authority { path, source: source.into() })?);
        }
        Ok(Vault {
            name: name.into(),
            address,
            client: client.build().map_err(Why::Client)?,
            login,
            namespace: self.namespace,
            namespaces: self.namespaces,
            mount: self.mount,
            allowed,
            memory: Memory::new(Duration::from_secs(self.cache.into())),
        })
    }
}
