//! Host keys that a request brings along.

use crate::known_hosts::same_type;
use crate::public_key;
use hostler_model::{ErrorKind, Failure, Phase};
use russh::keys::ssh_key::Fingerprint;
use russh::keys::{Algorithm, PublicKey};
use std::fmt;

/// A key that the target may show.
pub(crate) enum Pin {
    /// `SHA256:...`.
    Fingerprint(Fingerprint),
    /// The key itself.
    Key(Box<PublicKey>),
}

/// Reads what a request gave. Errors: `invalid-request`.
pub(crate) fn parse(texts: &[String]) -> Result<Vec<Pin>, Failure> {
    texts
        .iter()
        .map(|text| {
            let fingerprint = || text.trim().trim_end_matches('=').parse().ok().filter(|pin: &Fingerprint| pin.is_sha256()).map(Pin::Fingerprint);
            fingerprint().or_else(|| public_key::parse(text).map(|key| Pin::Key(Box::new(key)))).ok_or_else(|| {
                let shown: String = text.chars().take(80).collect();
                let message = format!(
                    "`{}` in `host_keys` is no host key: give `SHA256:...` as `ssh-keygen -l` shows it, or a public key like `ssh-ed25519 AAAA...`.",
                    shown.escape_debug()
                );
                Failure::new(ErrorKind::InvalidRequest, Phase::HostKey, message)
            })
        })
        .collect()
}

impl Pin {
    pub(crate) fn fits(&self, key: &PublicKey) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => key.fingerprint(fingerprint.algorithm()) == *fingerprint,
            Self::Key(pinned) => pinned.key_data() == key.key_data(),
        }
    }

    /// Whether it is a key of that type. A fingerprint does not tell.
    pub(crate) fn is(&self, algorithm: &Algorithm) -> bool {
        matches!(self, Self::Key(key) if same_type(&key.algorithm(), algorithm))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprint(fingerprint) => fingerprint.fmt(f),
            Self::Key(key) => key.fingerprint(russh::keys::HashAlg::Sha256).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINPheg0wRfgea1/UnmFcccA6enbPbWgLc9NF5GRDcIBv";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuIOeRLv4qHxwQJN6usEcTi8lHO/JNOk8TqB/UdfuA3";

    fn fits(pin: &str, key: &str) -> bool {
        let key = public_key::parse(key).expect("a key");
        parse(&[pin.to_owned()]).expect("a pin")[0].fits(&key)
    }

    #[test]
    fn a_pin_is_a_fingerprint_or_a_key_and_fits_no_other() {
        let fingerprint = public_key::parse(KEY).expect("a key").fingerprint(russh::keys::HashAlg::Sha256).to_string();
        for pin in [KEY, &format!("{KEY} a comment"), &fingerprint, &format!(" {fingerprint}= ")] {
            assert!(fits(pin, KEY), "{pin}");
            assert!(!fits(pin, OTHER), "{pin}");
        }
    }

    #[test]
    fn what_is_no_host_key_is_refused() {
        for bad in ["", "SHA256:", "SHA256:short", "MD5:00:11", "ssh-ed25519", "ssh-ed25519 AAAA", "h ssh-ed25519 AAAA"]
        {
            let failure = parse(&[KEY.to_owned(), bad.to_owned()]).err().expect(bad);
            assert_eq!((failure.kind, failure.phase), (ErrorKind::InvalidRequest, Phase::HostKey));
        }
    }
}
