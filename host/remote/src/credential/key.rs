//! Private keys as text: OpenSSH, PKCS#1 (RSA), PKCS#8 and SEC1 (EC), plain or encrypted.

mod pem;
mod short;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_model::{ErrorKind, Failure, Phase, Secret};
use russh::keys::ssh_key::Kdf;
use russh::keys::{PrivateKey, decode_secret_key, ssh_key};
use zeroize::Zeroizing;

/// `ssh-keygen` makes 16 or 24. More than this is an attempt to keep us busy.
const MAX_BCRYPT_ROUNDS: u32 = 1000;

/// Reads a private key. A passphrase is used only where the key is encrypted. Errors: `bad-key`.
pub(super) fn decode(text: &Secret, passphrase: Option<&Secret>) -> Result<PrivateKey, Failure> {
    let text = tidy(text.expose());
    if text.starts_with("PuTTY-User-Key-File-") {
        return Err(bad("The private key is in PuTTY's format: convert it by `puttygen KEY -O private-openssh`."));
    }
    let mut labels = text.lines().filter_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    // `openssl ecparam` writes the parameters of the curve before the key.
    let label = labels
        .find(|&label| label != "EC PARAMETERS")
        .ok_or_else(|| bad("What was given is no private key: it needs a line `-----BEGIN ... PRIVATE KEY-----`."))?;
    let encrypted_pem = text.lines().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"));
    match label {
        "OPENSSH PRIVATE KEY" => openssh(&text, passphrase),
        "ENCRYPTED PRIVATE KEY" => decrypt(&text, passphrase),
        "RSA PRIVATE KEY" | "EC PRIVATE KEY" if encrypted_pem => {
            let plain = pem::decrypt(&text, label, passphrase)?;
            decode_secret_key(&plain, None).map_err(|error| match error {
                russh::keys::Error::UnknownAlgorithm(_) => unreadable(&error),
                // One wrong passphrase of 256 leaves a padding that looks right.
                _ => wrong_passphrase().with_detail(error),
            })
        }
        "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "PRIVATE KEY" => {
            decode_secret_key(&text, None).map_err(|error| unreadable(&error))
        }
        "DSA PRIVATE KEY" => Err(dsa()),
        _ => {
            Err(bad("This kind of private key is unknown: give one in the format of OpenSSH, PKCS#1, PKCS#8 or SEC1."))
        }
    }
}

/// Line ends, indentation and what JSON does to a text, undone.
fn tidy(text: &str) -> Zeroizing<String> {
    let unescaped = Zeroizing::new(if text.trim().contains('\n') {
        text.replace('\r', "")
    } else {
        text.replace("\\r", "").replace("\\n", "\n")
    });
    // As long as the whole from the start, so that it leaves no copy behind by growing.
    let mut tidy = Zeroizing::new(String::with_capacity(unescaped.len() + 1));
    for line in unescaped.lines().map(str::trim).skip_while(|line| line.is_empty()) {
        tidy.push_str(line);
        tidy.push('\n');
    }
    tidy
}

/// The format that `ssh-keygen` writes (PROTOCOL.key of OpenSSH).
fn openssh(text: &str, passphrase: Option<&Secret>) -> Result<PrivateKey, Failure> {
    let mut body = Zeroizing::new(String::with_capacity(text.len()));
    text.lines().skip(1).take_while(|line| !line.starts_with("-----")).for_each(|line| body.push_str(line));
    let bytes = STANDARD.decode(body.as_bytes()).map(Zeroizing::new);
    let bytes = bytes.map_err(|_| bad("The private key is damaged: its text is not complete base64."))?;
    let contains = |name: &[u8]| bytes.windows(name.len()).any(|part| part == name);
    if contains(b"ssh-dss") {
        return Err(dsa());
    }
    // A private key holds no certificate, and the parser of one recurses without end.
    if contains(b"-cert-v01@") {
        return Err(bad("The private key holds a certificate, which is not supported: give the key alone."));
    }
    let key = PrivateKey::from_bytes(&bytes).or_else(|error| short::plain(&bytes).ok_or(error));
    let key = key.map_err(|error| match error {
        ssh_key::Error::AlgorithmUnknown | ssh_key::Error::AlgorithmUnsupported { .. } => {
            unsupported().with_detail(error)
        }
        _ => damaged().with_detail(error),
    })?;
    if !key.is_encrypted() {
        return Ok(key);
    }
    if matches!(key.kdf(), Kdf::Bcrypt { rounds, .. } if *rounds > MAX_BCRYPT_ROUNDS) {
        return Err(bad(&format!(
            "The private key is encrypted with more than {MAX_BCRYPT_ROUNDS} rounds: encrypt it anew by `ssh-keygen -p -a 100 -f KEY`."
        )));
    }
    let passphrase = passphrase.ok_or_else(missing_passphrase)?.expose();
    let decrypted = key.decrypt(passphrase).or_else(|error| short::encrypted(&bytes, &key, passphrase).ok_or(error));
    decrypted.map_err(|error| wrong_passphrase().with_detail(error))
}

/// PKCS#8, encrypted.
fn decrypt(text: &str, passphrase: Option<&Secret>) -> Result<PrivateKey, Failure> {
    let passphrase = passphrase.ok_or_else(missing_passphrase)?;
    decode_secret_key(text, Some(passphrase.expose())).map_err(|error| match error {
        russh::keys::Error::UnknownAlgorithm(_) | russh::keys::Error::Decode(_) => unreadable(&error),
        _ => wrong_passphrase().with_detail(error),
    })
}

fn unreadable(error: &russh::keys::Error) -> Failure {
    match error {
        // id-dsa of RFC 3279.
        russh::keys::Error::UnknownAlgorithm(oid) if oid.to_string() == "1.2.840.10040.4.1" => dsa(),
        russh::keys::Error::UnknownAlgorithm(_) => unsupported().with_detail(error),
        _ => damaged().with_detail(error),
    }
}

pub(super) fn bad(sentence: &str) -> Failure {
    Failure::new(ErrorKind::BadKey, Phase::Auth, sentence)
}

fn dsa() -> Failure {
    bad("DSA keys are not supported, no current SSH server takes them: make an Ed25519 key.")
}

fn unsupported() -> Failure {
    bad("This type of private key is not supported: use Ed25519, ECDSA or RSA.")
}

fn damaged() -> Failure {
    bad("The private key is damaged: check that it was copied whole.")
}

fn missing_passphrase() -> Failure {
    bad("The private key is encrypted: give its `passphrase`.")
}

fn wrong_passphrase() -> Failure {
    bad("The private key cannot be decrypted: check `passphrase`.")
}

#[cfg(test)]
mod tests;
