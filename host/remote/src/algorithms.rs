//! What we offer a server (RFC 4253 section 7.1).

use crate::known_hosts::same_type;
use russh::client::{Config, GexParams};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, SshId, cipher, compression, kex};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Post-quantum first. The last two names are no algorithms: they ask for the server's list of
/// signature algorithms (RFC 8308) and for strict key exchange (CVE-2023-48795).
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    // Fixed groups before group exchange, which costs a round trip and often a larger prime.
    kex::DH_G16_SHA512,
    kex::DH_G14_SHA256,
    kex::DH_GEX_SHA256,
    kex::DH_G18_SHA512,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// AES-GCM first: fastest where AES is in hardware.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];

/// No SHA-1 (`ssh-rsa`), no DSA.
static HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// OpenSSH takes the first only, which begins after the login; `none` is for servers without either.
const COMPRESSION: &[compression::Name] = &[compression::ZLIB_LEGACY, compression::ZLIB, compression::NONE];

/// What a server may send on one channel before it hears that we took it: 160 MiB/s on a way of 100 ms. It is no buffer:
/// every channel is always drained.
pub(crate) const WINDOW: u32 = 16 << 20;

/// Settings for one connection. `known` tells whether a host key of that type would be recognised: those are
/// asked for first, so that a server with several keys shows the one we know. `certificates` asks for
/// certificates even before.
pub(crate) fn client(
    keepalive: Duration,
    compress: bool,
    known: impl Fn(&Algorithm) -> bool,
    certificates: bool,
) -> Arc<Config> {
    let mut host_keys = HOST_KEYS.to_vec();
    host_keys.sort_by_key(|algorithm| !known(algorithm));
    let certificates = if certificates { host_keys.clone() } else { Vec::new() };
    Arc::new(Config {
        preferred: Preferred {
            key: Cow::Owned(host_keys),
            host_key_certificates: Cow::Owned(certificates),
            compression: Cow::Borrowed(if compress { COMPRESSION } else { &[compression::NONE] }),
            ..preferred()
        },
        keepalive_interval: Some(keepalive),
        keepalive_max: 3,
        ..settings()
    })
}

/// Settings for a connection that ends once the server has shown a host key of one of these types.
pub(crate) fn only(types: &'static [Algorithm]) -> Arc<Config> {
    Arc::new(Config { preferred: Preferred { key: Cow::Borrowed(types), ..preferred() }, ..settings() })
}

/// The types of host keys, each with the ways in which it signs.
pub(crate) fn host_key_types() -> impl Iterator<Item = &'static [Algorithm]> {
    HOST_KEYS.chunk_by(same_type)
}

fn preferred() -> Preferred {
    Preferred { kex: Cow::Borrowed(KEX), cipher: Cow::Borrowed(CIPHERS), ..Preferred::DEFAULT }
}

fn settings() -> Config {
    Config {
        client_id: SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-Hostler_", env!("CARGO_PKG_VERSION")))),
        window_size: WINDOW,
        maximum_packet_size: 32 << 10,
        inactivity_timeout: None,
        gex: GexParams::new(2048, 3072, 8192).expect("russh accepts these sizes"),
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_types_that_are_known_come_first_and_sha1_never() {
        let rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
        let preferred = client(Duration::from_secs(30), false, rsa, true).preferred.clone();
        for names in [preferred.key, preferred.host_key_certificates] {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(names[..3], ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
            assert!(!names.contains(&"ssh-rsa".to_owned()));
        }
    }
}
