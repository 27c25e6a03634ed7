//! How a receiver knows that a letter is ours and new: the scheme of Standard Webhooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hostler_model::Secret;
use sha2::Sha256;

/// What marks a secret that is bytes in base64; any other is a text.
const ENCODED: &str = "whsec_";

/// The header `Webhook-Signature` of a letter: HMAC-SHA256 of its id, the time in seconds since 1970, and its body. `None` if
/// the secret is marked as base64 and is not.
pub(super) fn sign(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let key = match secret.expose().strip_prefix(ENCODED) {
        Some(encoded) => STANDARD.decode(encoded).ok()?,
        None => secret.expose().as_bytes().to_vec(),
    };
    let mut code = Hmac::<Sha256>::new_from_slice(&key).expect("a key of HMAC has any length");
    code.update(format!("{id}.{seconds}.").as_bytes());
    code.update(body);
    Some(format!("v1,{}", STANDARD.encode(code.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification (<https://github.com/standard-webhooks/standard-webhooks>).
    #[test]
    fn the_example_of_the_specification_has_its_signature() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into());
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(sign(&Secret::new("whsec_???".into()), "id", 0, b""), None);
    }
}
