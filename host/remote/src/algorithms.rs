//! What we offer a server (RFC 4253 section 7.1).

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
const HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// OpenSSH takes the first only, which begins after the login; `none` is for servers without either.
const COMPRESSION: &[compression::Name] = &[compression::ZLIB_LEGACY, compression::ZLIB, compression::NONE];

/// Settings for one connection. `on_record` tells whether the host has a key of that type on
/// record: those are asked for first, so that a server with several keys shows the one we know.
pub(crate) fn client(keepalive: Duration, compress: bool, on_record: impl Fn(&Algorithm) -> bool) -> Arc<Config> {
    let mut host_keys = HOST_KEYS.to_vec();
    host_keys.sort_by_key(|algorithm| !on_record(algorithm));
    Arc::new(Config {
        client_id: SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-Hostler_", env!("CARGO_PKG_VERSION")))),
        window_size: 2 << 20,
        maximum_packet_size: 32 << 10,
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            key: Cow::Owned(host_keys),
            cipher: Cow::Borrowed(CIPHERS),
            compression: Cow::Borrowed(if compress { COMPRESSION } else { &[compression::NONE] }),
            ..Preferred::DEFAULT
        },
        keepalive_interval: Some(keepalive),
        keepalive_max: 3,
        inactivity_timeout: None,
        gex: GexParams::new(2048, 3072, 8192).expect("russh accepts these sizes"),
        ..Config::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_types_on_record_come_first_and_sha1_never() {
        let config = client(Duration::from_secs(30), false, |algorithm| matches!(algorithm, Algorithm::Rsa { .. }));
        let names: Vec<String> = config.preferred.key.iter().map(ToString::to_string).collect();
        assert_eq!(names[..3], ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
        assert!(!names.contains(&"ssh-rsa".to_owned()));
    }
}
