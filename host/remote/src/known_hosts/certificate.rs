//! Whether an authority on record vouches for a server (PROTOCOL.certkeys of OpenSSH).

use super::pattern::glob;
use super::record::{Record, Role};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, HashAlg};

impl Record {
    /// Checks a certificate at a time (Unix seconds). Errors: why it is worth nothing, in words that follow "it".
    pub(super) fn check(&self, certificate: &Certificate, now: u64) -> Result<(), String> {
        let authorities: Vec<_> =
            self.of(Role::Authority).map(|known| known.key.fingerprint(HashAlg::Sha256)).collect();
        let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
        let refuse = |why: &str| Err(why.to_owned());
        if certificate.cert_type() != CertType::Host {
            return refuse("has a certificate for a user");
        }
        if !authorities.contains(&authority) {
            return Err(format!("has a certificate of another authority, {authority}"));
        }
        if matches!(certificate.signature().algorithm(), Algorithm::Rsa { hash: None }) {
            return refuse("has a certificate that is signed with SHA-1");
        }
        if now < certificate.valid_after() || now >= certificate.valid_before() {
            return refuse("has a certificate that is not valid at this time");
        }
        if !certificate.critical_options().is_empty() {
            return refuse("has a certificate with options that are not known");
        }
        // To many programs no names mean all servers, so that one stolen key could pass for any of them.
        if !certificate.valid_principals().iter().any(|principal| glob(principal, &self.name.host)) {
            return refuse("has a certificate for other names");
        }
        certificate.validate_at(now, &authorities).map_err(|_| "has a certificate whose signature is wrong".to_owned())
    }
}
