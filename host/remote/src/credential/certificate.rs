//! User certificates (PROTOCOL.certkeys of OpenSSH), and how a key at hand signs for them.

use super::key::bad;
use crate::public_key;
use hostler_model::Failure;
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_encoding::Encode;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Certificate, HashAlg, PrivateKey, signature, ssh_key};
use russh::{AgentAuthError, Signer};
use std::sync::Arc;

/// Reads a certificate that was made for `key`. Errors: `bad-key`.
pub(super) fn decode(text: &str, key: &PrivateKey) -> Result<Certificate, Failure> {
    let certificate = public_key::certificate(text).ok_or_else(|| {
        bad("What was given is no certificate: it is one line, `ssh-...-cert-v01@openssh.com` and base64.")
    })?;
    if certificate.cert_type() != CertType::User {
        return Err(bad(
            "The certificate is one for a server: give one for a user, as `ssh-keygen -s CA -I ID -n USER KEY` makes it.",
        ));
    }
    if certificate.public_key() != key.public_key().key_data() {
        return Err(bad("The certificate belongs to another private key: give the one that was made of this key."));
    }
    Ok(certificate)
}

/// Signs with a key that is at hand. russh's own way announces RSA certificates as `ssh-rsa`, which is SHA-1.
pub(crate) struct Local(pub(crate) Arc<PrivateKey>);

impl Signer for Local {
    type Error = AgentAuthError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, AgentAuthError> {
        self.sign(hash, request).map_err(|error| AgentAuthError::Key(error.into()))
    }
}

impl Local {
    /// The request with its signature behind it, as russh wants it.
    fn sign(&self, hash: Option<HashAlg>, mut request: Vec<u8>) -> Result<Vec<u8>, ssh_key::Error> {
        let signature = match self.0.key_data() {
            KeypairData::Rsa(key) => signature::Signer::try_sign(&(key, hash), &request)?,
            key => signature::Signer::try_sign(key, &request)?,
        };
        let mut blob = Vec::new();
        signature.encode(&mut blob)?;
        blob.encode(&mut request)?;
        Ok(request)
    }
}
