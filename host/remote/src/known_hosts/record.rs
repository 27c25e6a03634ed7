//! What the file says about one server.

use super::line;
use super::name::Name;
use super::pattern::matches;
use russh::keys::ssh_key::known_hosts::Marker;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

/// What the file says about one server.
pub(crate) struct Record {
    pub(super) name: Name,
    pub(super) keys: Vec<Known>,
}

/// A key that has to do with the server.
pub(super) struct Known {
    pub(super) line: usize,
    pub(super) role: Role,
    pub(super) key: PublicKey,
}

/// What a key is on record for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The server's own.
    Own,
    /// Of the server that is reached by the same name without jump hosts: the same one, or another.
    Namesake,
    /// It vouches for certificates, and never for a plain key.
    Authority,
    /// Nobody may use it.
    Revoked,
}

/// What to think of a key that a server presents.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is on record.
    Known,
    /// Nothing is on record for the server.
    Unknown,
    /// An authority is on record, and it does not vouch for the key.
    Uncertified {
        /// In words that follow "it".
        why: String,
    },
    /// The server has other keys on record, one of them at this line with this fingerprint.
    Changed {
        /// Counted from 1.
        line: usize,
        /// Of the key on record, as `ssh-keygen -l` shows it.
        fingerprint: String,
    },
    /// It is revoked by this line.
    Revoked {
        /// Counted from 1.
        line: usize,
    },
}

impl Record {
    pub(super) fn parse(text: &str, name: &Name) -> Self {
        let known = |line: line::Line| {
            let own = matches(&line.hosts, name.own());
            let named = own || matches(&line.hosts, &name.direct);
            let role = match line.marker {
                None if own => Role::Own,
                None if named => Role::Namesake,
                None => return None,
                // Those are about the host: a stolen key is no better at another port.
                Some(_) if !named && !matches(&line.hosts, &name.host) => return None,
                Some(Marker::CertAuthority) => Role::Authority,
                Some(Marker::Revoked) => Role::Revoked,
            };
            Some(Known { line: line.number, role, key: line.key()? })
        };
        Self { name: name.clone(), keys: line::all(text).filter_map(known).collect() }
    }

    /// Whether a key of that type is on record.
    pub(crate) fn has(&self, algorithm: &Algorithm) -> bool {
        self.of(Role::Own).chain(self.of(Role::Namesake)).any(|known| same_type(&known.key.algorithm(), algorithm))
    }

    /// Whether an authority may vouch for the server, so that certificates are worth asking for.
    pub(crate) fn has_authority(&self) -> bool {
        self.of(Role::Authority).next().is_some()
    }

    /// Compares a key with the record. A key of another type than those on record is a changed key:
    /// else anybody could pass by offering a type that was never recorded.
    pub(crate) fn judge(&self, key: &PublicKey) -> Verdict {
        if let Some(line) = self.revoked(key.key_data()) {
            return Verdict::Revoked { line };
        }
        let mut trusted = self.of(Role::Own).chain(self.of(Role::Namesake));
        if trusted.any(|known| known.key.key_data() == key.key_data()) {
            return Verdict::Known;
        }
        let same_type = self.of(Role::Own).find(|known| same_type(&known.key.algorithm(), &key.algorithm()));
        match same_type.or_else(|| self.of(Role::Own).next()) {
            Some(known) => {
                Verdict::Changed { line: known.line, fingerprint: known.key.fingerprint(HashAlg::Sha256).to_string() }
            }
            None if self.has_authority() => Verdict::Uncertified { why: "has no certificate".into() },
            None => Verdict::Unknown,
        }
    }

    /// Judges a certificate at a time (Unix seconds). One that no authority on record vouches for is worth no
    /// more than its key.
    pub(crate) fn judge_certificate(&self, certificate: &Certificate, now: u64) -> Verdict {
        if let Some(line) = self.revoked(certificate.signature_key()).or(self.revoked(certificate.public_key())) {
            return Verdict::Revoked { line };
        }
        let Err(why) = self.check(certificate, now) else { return Verdict::Known };
        match self.judge(&certificate.public_key().clone().into()) {
            Verdict::Unknown | Verdict::Uncertified { .. } => Verdict::Uncertified { why },
            verdict => verdict,
        }
    }

    /// The line that revokes a key.
    fn revoked(&self, key: &KeyData) -> Option<usize> {
        self.of(Role::Revoked).find(|known| known.key.key_data() == key).map(|known| known.line)
    }

    pub(super) fn of(&self, role: Role) -> impl Iterator<Item = &Known> {
        self.keys.iter().filter(move |known| known.role == role)
    }
}

/// RSA keys are one type, whatever hash they sign with.
pub(crate) fn same_type(a: &Algorithm, b: &Algorithm) -> bool {
    a == b || matches!((a, b), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}
