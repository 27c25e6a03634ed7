//! Who may deliver plugins: signatures as OpenSSH makes them (PROTOCOL.sshsig), and digests that the operator named.

use crate::folder::Version;
use crate::plugin::Source;
use crate::{Config, Error, builtin};
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};

/// What a signature has to be for (`ssh-keygen -Y sign -n`), so that none that was made for another end counts.
pub const NAMESPACE: &str = "hostler-plugin";

/// Whom the operator trusts.
pub(crate) struct Trust {
    keys: Vec<PublicKey>,
    unsigned: bool,
}

impl Trust {
    /// Reads the keys of the configuration. Errors: a key that is not Ed25519, a digest that is none.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let key = |line: &String| match PublicKey::from_openssh(line) {
            Ok(key) if key.algorithm() == Algorithm::Ed25519 => Ok(key),
            _ => Err(Error::SigningKey(line.clone())),
        };
        let is_digest = |digest: &str| {
            let digits = digest.strip_prefix("sha256:");
            digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        };
        for (name, plugin) in &config.plugin {
            if plugin.digest.as_deref().is_some_and(|digest| !is_digest(digest)) {
                return Err(Error::NoDigest(name.clone()));
            }
        }
        Ok(Self { keys: config.keys.iter().map(key).collect::<Result<_, _>>()?, unsigned: config.unsigned })
    }

    /// Whether a plugin may be loaded; answers the listed key that signed it, if one did. `named` is the digest that
    /// the operator named, which has to match whoever signed.
    pub(crate) fn admit(&self, source: &Source, named: Option<&str>) -> Result<Option<String>, Error> {
        let Source { name, origin, version, .. } = source;
        let found = version.digest();
        if let Some(named) = named.filter(|named| !named.eq_ignore_ascii_case(found)) {
            return Err(Error::Digest { name: name.into(), named: named.into(), found: found.into() });
        }
        match self.signer(version) {
            Ok(key) => Ok(Some(display(key))),
            Err(reason) if named.is_some() || self.unsigned || origin == builtin::ORIGIN => {
                if version.signature.is_some() {
                    tracing::warn!(plugin = name, reason, "a signature counts for nothing");
                }
                Ok(None)
            }
            Err(reason) => Err(Error::Untrusted { name: name.into(), reason, digest: found.into() }),
        }
    }

    /// The listed key that signed this version, or why there is none.
    fn signer(&self, version: &Version) -> Result<&PublicKey, String> {
        let Some(signature) = &version.signature else { return Err("it is not signed".into()) };
        let signature = SshSig::from_pem(signature).map_err(|error| format!("its signature is damaged ({error})"))?;
        let Some(key) = self.keys.iter().find(|key| key.key_data() == signature.public_key()) else {
            let fingerprint = signature.public_key().fingerprint(HashAlg::Sha256);
            return Err(format!("it is signed by {fingerprint}, a key that is not listed"));
        };
        let wrong = |error| match error {
            ssh_key::Error::Namespace => {
                let made_for = signature.namespace();
                format!("its signature was made for {made_for:?}, not with `ssh-keygen -Y sign -n {NAMESPACE}`")
            }
            _ => format!("its signature by {} belongs to another file, or the file was changed", display(key)),
        };
        key.verify(NAMESPACE, &version.wasm, &signature).map_err(wrong)?;
        Ok(key)
    }
}

/// Fingerprint and comment.
fn display(key: &PublicKey) -> String {
    format!("{} {}", key.fingerprint(HashAlg::Sha256), key.comment()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PluginConfig;

    /// What the fixtures sign.
    const COMPONENT: &str = "not a real component";
    const LISTED: &str = include_str!("signature/fixtures/listed.pub");
    const SIGNED: &str = include_str!("signature/fixtures/listed.sig");

    fn source(wasm: &str, signature: Option<&str>) -> Source {
        Source::of_folder("a", Version::new(wasm.into(), signature.map(Into::into), None))
    }

    fn trust() -> Trust {
        Trust::new(&Config { keys: vec![LISTED.into()], ..Config::default() }).expect("a good key")
    }

    /// Why a plugin is refused.
    fn refused(wasm: &str, signature: Option<&str>) -> String {
        let error = trust().admit(&source(wasm, signature), None).expect_err("it is refused");
        assert!(matches!(error, Error::Untrusted { .. }), "{error}");
        error.to_string()
    }

    #[test]
    fn what_a_listed_key_signed_is_admitted_and_names_the_key() {
        let signer = trust().admit(&source(COMPONENT, Some(SIGNED)), None).expect("it is admitted").expect("signed");
        assert!(signer.starts_with("SHA256:") && signer.ends_with(" release team"), "{signer}");
    }

    #[test]
    fn what_no_listed_key_signed_is_refused_and_the_reason_named() {
        let reason = refused(COMPONENT, None);
        assert!(reason.contains("not signed") && reason.contains("ssh-keygen -Y sign -n hostler-plugin"), "{reason}");
        assert!(reason.contains(&format!("{:?}", source(COMPONENT, None).version.digest())), "{reason}");
        assert!(refused("another component", Some(SIGNED)).contains("changed"));
        let other = refused(COMPONENT, Some(include_str!("signature/fixtures/other.sig")));
        assert!(other.contains("SHA256:") && other.contains("not listed"), "{other}");
        let namespace = refused(COMPONENT, Some(include_str!("signature/fixtures/namespace.sig")));
        assert!(namespace.contains("\"file\"") && namespace.contains("-n hostler-plugin"), "{namespace}");
        for damaged in ["", "no signature", &SIGNED[..SIGNED.len() / 2], &SIGNED.replace("U1NIU0lH", "AAAAAAAA")] {
            assert!(refused(COMPONENT, Some(damaged)).contains("damaged"), "{damaged}");
        }
    }

    #[test]
    fn a_digest_stands_in_for_a_signature_and_has_to_match_in_every_case() {
        let digest = source(COMPONENT, None).version.digest().to_owned();
        assert!(trust().admit(&source(COMPONENT, None), Some(&digest.to_uppercase().replace("SHA", "sha"))).is_ok());
        let all = Trust { unsigned: true, ..trust() };
        let wrong = all.admit(&source("another component", Some(SIGNED)), Some(&digest));
        assert!(matches!(wrong, Err(Error::Digest { .. })));
    }

    #[test]
    fn where_unsigned_plugins_are_loaded_a_bad_signature_counts_for_nothing() {
        let all = Trust { unsigned: true, ..trust() };
        for signature in [None, Some("no signature")] {
            assert!(matches!(all.admit(&source(COMPONENT, signature), None), Ok(None)));
        }
    }

    #[test]
    fn only_ed25519_keys_and_whole_digests_are_taken() {
        for key in [include_str!("signature/fixtures/ecdsa.pub"), "ssh-ed25519 AAAA", ""] {
            let config = Config { keys: vec![key.into()], ..Config::default() };
            assert!(matches!(Trust::new(&config), Err(Error::SigningKey(_))), "{key}");
        }
        for digest in ["00", "sha256:00", &"0".repeat(64)] {
            let named = PluginConfig { digest: Some(digest.into()), ..PluginConfig::default() };
            let config = Config { plugin: [("a".into(), named)].into(), ..Config::default() };
            assert!(matches!(Trust::new(&config), Err(Error::NoDigest(_))), "{digest}");
        }
    }
}
