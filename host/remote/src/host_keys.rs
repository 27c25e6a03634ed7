//! The host keys on record, for the people who keep them.

use crate::blocking::blocking;
use crate::host_key::unusable;
use crate::known_hosts::{KnownHosts, Name, Verdict};
use crate::public_key;
use hostler_model::{ErrorKind, Failure, HostKey, Phase};
use russh::keys::HashAlg;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The file of host keys. Any number of these, in any number of processes, may read and change it at once.
#[derive(Clone)]
pub struct HostKeys(Arc<KnownHosts>);

impl HostKeys {
    /// The file at `path`, which need not exist yet; its folder must.
    pub fn new(path: PathBuf) -> Self {
        Self(Arc::new(KnownHosts::new(path)))
    }

    /// All lines that can be read. Errors: `internal`.
    pub async fn list(&self) -> Result<Vec<HostKey>, Failure> {
        self.work(KnownHosts::list).await
    }

    /// Records a key of a server, beside those that it may have already, and answers its line. `host` is a name,
    /// an address, or `[HOST]:PORT/via/[JUMP]:PORT` for a server behind jump hosts, where `port` counts for nothing.
    /// `key` is a public key as text. Errors: `invalid-request`; `host-key-revoked`; `internal`.
    pub async fn add(&self, host: &str, port: u16, key: &str) -> Result<HostKey, Failure> {
        let name = Name::parse(host, port)?;
        let key = public_key::parse(key).ok_or_else(|| {
            let message = "That is no host key: give a public key like `ssh-ed25519 AAAA...`, without the host's name.";
            Failure::new(ErrorKind::InvalidRequest, Phase::HostKey, message)
        })?;
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let wanted = fingerprint.clone();
        let (verdict, lines) = self.work(move |file| Ok((file.add(&name, &key)?, file.list()?))).await?;
        let line = lines.into_iter().rev().find(|line| line.marker.is_none() && line.fingerprint == wanted);
        match (verdict, line) {
            (Verdict::Revoked { line }, _) => {
                let message =
                    format!("The host key {fingerprint} is revoked by line {line}: give the server a new key.");
                Err(Failure::new(ErrorKind::HostKeyRevoked, Phase::HostKey, message))
            }
            (_, Some(line)) => Ok(line),
            (_, None) => {
                let message = "The host key was recorded, and removed again by somebody else: list the keys.";
                Err(Failure::new(ErrorKind::NotFound, Phase::HostKey, message))
            }
        }
    }

    /// Forgets the keys of a server, hashed names included, and answers the lines that named it. Patterns and lines
    /// with a marker stay. Errors: `not-found`; `invalid-request`; `internal`.
    pub async fn remove(&self, host: &str, port: u16) -> Result<Vec<HostKey>, Failure> {
        let name = Name::parse(host, port)?;
        let own = name.own().to_owned();
        let removed = self.work(move |file| file.remove(name.own())).await?;
        if removed.is_empty() {
            let message = format!("No key is on record for `{own}`: list the keys to see their names.");
            return Err(Failure::new(ErrorKind::NotFound, Phase::HostKey, message));
        }
        Ok(removed)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&KnownHosts) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let file = self.0.clone();
        blocking(Phase::HostKey, move || work(&file).map_err(|error| unusable(&file, &error))).await?
    }
}
