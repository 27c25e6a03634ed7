//! Public keys and certificates as text, from people who may mean no good.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russh::keys::{Certificate, PublicKey};
use std::str::FromStr;

/// Every certificate names its type so, and one that is signed by another certificate holds the name twice.
const CERTIFICATE: &[u8] = b"-cert-v01@";

/// Reads `TYPE BASE64 [COMMENT]`. Certificates are no keys.
pub(crate) fn parse(text: &str) -> Option<PublicKey> {
    read(text, 0)
}

/// Reads `TYPE-cert-v01@openssh.com BASE64 [COMMENT]`.
pub(crate) fn certificate(text: &str) -> Option<Certificate> {
    read(text, 1)
}

/// The parser would follow certificates inside certificates until the stack ends, so they are counted first.
fn read<T: FromStr>(text: &str, certificates: usize) -> Option<T> {
    let mut words = text.split_whitespace();
    let (kind, body) = (words.next()?, words.next()?);
    let bytes = STANDARD.decode(body).ok()?;
    let found = bytes.windows(CERTIFICATE.len()).filter(|&part| part == CERTIFICATE).count();
    (found == certificates).then(|| [kind, " ", body].concat().parse().ok())?
}
