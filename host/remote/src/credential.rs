//! What is presented to a server to log in: passwords, private keys from text or file, certificates for
//! them, and the daemon's own agent and default keys.

mod agent;
mod certificate;
mod file;
mod key;
mod lent;

use crate::Authentication;
use crate::blocking::blocking;
use hostler_model::{ErrorKind, Failure, Phase, Secret};
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, PrivateKey};
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use agent::{Agent, identities};
pub(crate) use certificate::Local;
pub(crate) use lent::Lent;

/// One thing to try.
pub(crate) struct Credential {
    pub(crate) proof: Proof,
    /// The operator lends it: the request said nothing about this very one.
    pub(crate) lent: bool,
}

/// What is shown to the server.
pub(crate) enum Proof {
    /// `password`, or `keyboard-interactive` where that is all there is.
    Password(Secret),
    /// `publickey`.
    Key(Arc<PrivateKey>),
    /// `publickey`, with what an authority says about the key.
    Certificate(Arc<PrivateKey>, Box<Certificate>),
    /// All that the agent at this socket holds.
    Agent(PathBuf),
    /// `publickey`, with one key or certificate of the agent.
    AgentKey(Box<AgentIdentity>),
    /// What was asked for and is not there, in words.
    Missing(&'static str),
}

impl Credential {
    fn given(proof: Proof) -> Self {
        Self { proof, lent: false }
    }

    pub(crate) fn lent(proof: Proof) -> Self {
        Self { proof, lent: true }
    }
}

impl Proof {
    /// The public key, and whether a certificate comes with it.
    pub(crate) fn public_key(&self) -> Option<(&KeyData, bool)> {
        match self {
            Self::Key(key) => Some((key.public_key().key_data(), false)),
            Self::Certificate(key, _) => Some((key.public_key().key_data(), true)),
            Self::AgentKey(identity) => Some(match &**identity {
                AgentIdentity::PublicKey { key, .. } => (key.key_data(), false),
                AgentIdentity::Certificate { certificate, .. } => (certificate.public_key(), true),
            }),
            Self::Password(_) | Self::Agent(_) | Self::Missing(_) => None,
        }
    }

    pub(crate) fn is_rsa(&self) -> bool {
        self.public_key().is_some_and(|(key, _)| matches!(key.algorithm(), Algorithm::Rsa { .. }))
    }
}

/// Reads and decrypts all keys, before the server hears of us. Also gives warnings. The work is
/// done where it holds nobody up: decryption is slow on purpose. Errors: a key of the request is
/// unusable, or there is nothing to log in with.
pub(crate) async fn load(
    methods: Vec<Authentication>,
    lent: Arc<Lent>,
) -> Result<(Vec<Credential>, Vec<String>), Failure> {
    let no_keys = methods.iter().all(|method| matches!(method, Authentication::Password(_) | Authentication::Agent));
    let work = move || {
        let mut loading = Loading { lent: &lent, credentials: Vec::new(), warnings: Vec::new() };
        methods.into_iter().try_for_each(|method| loading.add(method))?;
        loading.finish()
    };
    if no_keys { work() } else { blocking(Phase::Auth, work).await? }
}

struct Loading<'a> {
    lent: &'a Lent,
    credentials: Vec<Credential>,
    warnings: Vec<String>,
}

impl Loading<'_> {
    fn add(&mut self, method: Authentication) -> Result<(), Failure> {
        match method {
            Authentication::Password(password) => self.give(Proof::Password(password)),
            Authentication::Key { text, passphrase, certificate } => {
                let key = Arc::new(key::decode(&text, passphrase.as_ref())?);
                if let Some(text) = certificate {
                    let certificate = certificate::decode(&text, &key)?;
                    self.give(Proof::Certificate(key.clone(), Box::new(certificate)));
                }
                self.give(Proof::Key(key));
            }
            Authentication::KeyFile { path, passphrase } => {
                let found = file::read(&path, &self.lent.key_roots)?;
                if found.open_to_others {
                    self.warnings.push(format!(
                        "The key file `{path}` can be read by other users of the daemon's machine: run chmod 600 on it."
                    ));
                }
                let key = Arc::new(key::decode(&found.text, passphrase.as_ref())?);
                // Nobody asked for the certificate by name, so a wrong one is no error.
                match found.certificate.map(|text| certificate::decode(&text, &key)).transpose() {
                    Ok(Some(certificate)) => self.give(Proof::Certificate(key.clone(), Box::new(certificate))),
                    Ok(None) => {}
                    Err(failure) => {
                        self.warnings
                            .push(format!("The certificate beside `{path}` was not used. {}", failure.message));
                    }
                }
                self.give(Proof::Key(key));
            }
            Authentication::Agent => match &self.lent.agent {
                Some(socket) => self.credentials.push(Credential::lent(Proof::Agent(socket.clone()))),
                None => self.miss("the agent is off", "agent"),
            },
            Authentication::DefaultKeys if self.lent.default_keys.is_empty() => {
                self.miss("default keys are off", "default_keys");
            }
            Authentication::DefaultKeys => {
                let keys = self.lent.load(&mut self.warnings);
                if keys.is_empty() {
                    self.give(Proof::Missing("no default key is usable"));
                }
                self.credentials.extend(keys.into_iter().map(Credential::lent));
            }
        }
        Ok(())
    }

    fn give(&mut self, proof: Proof) {
        self.credentials.push(Credential::given(proof));
    }

    fn miss(&mut self, what: &'static str, setting: &str) {
        self.warnings.push(format!(
            "What was asked for was not tried, because {what}: an operator can turn it on by `{setting}` in the section `[ssh]`."
        ));
        self.give(Proof::Missing(what));
    }

    fn finish(self) -> Result<(Vec<Credential>, Vec<String>), Failure> {
        let missing: Vec<&str> = self
            .credentials
            .iter()
            .filter_map(|credential| if let Proof::Missing(what) = credential.proof { Some(what) } else { None })
            .collect();
        if missing.len() < self.credentials.len() {
            return Ok((self.credentials, self.warnings));
        }
        let why = if missing.is_empty() { String::new() } else { format!(" ({})", missing.join(", ")) };
        let message = format!("There is nothing to log in with{why}: give a password or a key.");
        Err(Failure::new(ErrorKind::AuthFailed, Phase::Auth, message))
    }
}

#[cfg(test)]
mod tests;
