//! Whether the key that a server shows is the right one.

use crate::blocking::blocking;
use crate::handshake::Notes;
use crate::known_hosts::{KnownHosts, Name, Record, Verdict};
use crate::pin::{self, Pin};
use crate::{Connect, HostKeyPolicy};
use hostler_model::{ErrorKind, Failure, Phase, Target};
use jiff::Timestamp;
use russh::keys::{Algorithm, HashAlg, PublicKeyOrCertificate};
use std::io;
use std::sync::Arc;

/// What is known about a server's key before it is shown.
pub(crate) struct HostKeyCheck {
    target: Target,
    name: Name,
    policy: HostKeyPolicy,
    pins: Vec<Pin>,
    known_hosts: Arc<KnownHosts>,
    record: Record,
}

impl HostKeyCheck {
    /// Reads what is on record for the request's target.
    pub(crate) async fn new(request: &Connect, known_hosts: &Arc<KnownHosts>) -> Result<Self, Failure> {
        let pins = pin::parse(&request.host_keys)?;
        let name = Name::of(&request.target)?;
        let (file, wanted) = (known_hosts.clone(), name.clone());
        let record =
            blocking(Phase::HostKey, move || file.look_up(&wanted).map_err(|error| unusable(&file, &error))).await??;
        let (target, policy) = (request.target.clone(), request.host_key_policy);
        Ok(Self { target, name, policy, pins, known_hosts: known_hosts.clone(), record })
    }

    /// Whether a key of that type would be recognised.
    pub(crate) fn knows(&self, algorithm: &Algorithm) -> bool {
        if self.pins.is_empty() { self.record.has(algorithm) } else { self.pins.iter().any(|pin| pin.is(algorithm)) }
    }

    /// Whether somebody is trusted to vouch for the server's key.
    pub(crate) fn wants_certificate(&self) -> bool {
        self.pins.is_empty() && self.record.has_authority()
    }

    /// Judges what a server shows, and records a first key where the policy says so.
    pub(crate) async fn verify(&self, shown: &PublicKeyOrCertificate, notes: &Notes) -> Result<(), Failure> {
        let key = shown.public_key();
        let verdict = match shown.certificate() {
            None => self.record.judge(&key),
            Some(certificate) => {
                let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
                self.record.judge_certificate(certificate, now)
            }
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        if !self.pins.is_empty() && !matches!(verdict, Verdict::Revoked { .. }) {
            return if self.pins.iter().any(|pin| pin.fits(&key)) { Ok(()) } else { Err(self.unpinned(&fingerprint)) };
        }
        let verdict = match (verdict, self.policy) {
            (Verdict::Unknown, HostKeyPolicy::AutoAdd) => {
                let (file, name) = (self.known_hosts.clone(), self.name.clone());
                let record = move || file.record(&name, &key).map_err(|error| unusable(&file, &error));
                let verdict = blocking(Phase::HostKey, record).await??;
                if verdict == Verdict::Unknown { Verdict::Known } else { verdict }
            }
            (verdict, _) => verdict,
        };
        match verdict {
            Verdict::Known => Ok(()),
            Verdict::Unknown | Verdict::Uncertified { .. } if self.policy == HostKeyPolicy::Warning => {
                notes.warn(format!(
                    "The host key of {} ({fingerprint}) is not on record; it was accepted unseen, as host_key_policy `warning` asks.",
                    self.place()
                ));
                Ok(())
            }
            verdict => Err(self.refuse(verdict, &fingerprint)),
        }
    }

    fn refuse(&self, verdict: Verdict, fingerprint: &str) -> Failure {
        let (place, path) = (self.place(), self.known_hosts.path().display());
        let (kind, message) = match verdict {
            Verdict::Known | Verdict::Unknown => {
                let Target { host, port, jumps, .. } = &self.target;
                let how = if jumps.is_empty() {
                    format!("for example by `ssh-keyscan -p {port} {host} >> {path}`")
                } else {
                    format!("under the name `{}` to {path}", self.name.own())
                };
                (
                    ErrorKind::HostKeyUnknown,
                    format!("The host key of {place} ({fingerprint}) is not on record: verify it, then add it, {how}."),
                )
            }
            Verdict::Uncertified { why } => (
                ErrorKind::HostKeyUnknown,
                format!(
                    "The host key of {place} ({fingerprint}) is not on record, and no authority in {path} vouches for it, because it {why}: give the server a valid certificate, or verify the key and add it."
                ),
            ),
            Verdict::Changed { line, fingerprint: recorded } => (
                ErrorKind::HostKeyChanged,
                format!(
                    "The host key of {place} is {fingerprint}, but line {line} of {path} says {recorded}: somebody may be in between. If the server was set up anew, remove that line."
                ),
            ),
            Verdict::Revoked { line } => (
                ErrorKind::HostKeyRevoked,
                format!(
                    "The host key of {place} ({fingerprint}) is revoked by line {line} of {path}: give the server a new key."
                ),
            ),
        };
        Failure::new(kind, Phase::HostKey, message)
    }

    fn unpinned(&self, fingerprint: &str) -> Failure {
        let pins: Vec<String> = self.pins.iter().map(ToString::to_string).collect();
        let message = format!(
            "The host key of {} is {fingerprint}, but `host_keys` allows only {}: somebody may be in between. If the server was set up anew, or has keys of several types, name the key that it shows.",
            self.place(),
            pins.join(", ")
        );
        Failure::new(ErrorKind::HostKeyChanged, Phase::HostKey, message)
    }

    fn place(&self) -> String {
        let Target { host, port, jumps, .. } = &self.target;
        let ways = jumps.iter().map(|hop| format!(", behind `{}` port {}", hop.host, hop.port));
        [format!("`{host}` port {port}")].into_iter().chain(ways).collect()
    }
}

/// The file of host keys cannot be read or changed.
pub(crate) fn unusable(known_hosts: &KnownHosts, error: &io::Error) -> Failure {
    let message =
        "The daemon cannot use its file of host keys, so no server can be trusted: an operator must repair it.";
    let detail = format!("{}: {error}", known_hosts.path().display());
    Failure::new(ErrorKind::Internal, Phase::HostKey, message).with_detail(detail)
}
