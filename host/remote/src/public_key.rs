//! Public keys and certificates as text, from people who may mean no good.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russh::keys::{Certificate, PublicKey};

/// Every certificate names its type so, and one that is signed by another certificate holds the name twice.
const CERTIFICATE: &[u8] = b"-cert-v01@";

/// Reads `TYPE BASE64 [COMMENT]`. Certificates are no keys.
pub(crate) fn parse(text: &str) -> Option<PublicKey> {
    (nesting(text)? == 0).then(|| text.trim().parse().ok())?
}

/// Reads `TYPE-cert-v01@openssh.com BASE64 [COMMENT]`.
pub(crate) fn certificate(text: &str) -> Option<Certificate> {
    (nesting(text)? == 1).then(|| text.trim().parse().ok())?
}

/// How many certificates may be inside each other: the parser would follow them until the stack ends.
fn nesting(text: &str) -> Option<usize> {
    let bytes = STANDARD.decode(text.split_whitespace().nth(1)?).ok()?;
    Some(bytes.windows(CERTIFICATE.len()).filter(|&part| part == CERTIFICATE).count())
}
