use super::*;
use russh::keys::HashAlg;

const PASSPHRASE: &str = "open sesame";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../fixtures/", $name))
    };
}

fn try_decode(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, Failure> {
    decode(&Secret::new(text.into()), passphrase.map(|text| Secret::new(text.into())).as_ref())
}

/// The sentence of a refusal.
fn refusal(text: &str, passphrase: Option<&str>) -> String {
    let failure = try_decode(text, passphrase).expect_err("refused");
    assert_eq!((failure.kind, failure.phase), (ErrorKind::BadKey, Phase::Auth));
    failure.message
}

#[test]
fn every_plain_format_is_read_and_a_needless_passphrase_is_dropped() {
    for (text, algorithm) in [
        (fixture!("ed25519.openssh"), "ssh-ed25519"),
        (fixture!("ed25519.pkcs8"), "ssh-ed25519"),
        (fixture!("rsa.pkcs1"), "ssh-rsa"),
        (fixture!("rsa.pkcs8"), "ssh-rsa"),
        (fixture!("ecdsa.sec1"), "ecdsa-sha2-nistp256"),
        (fixture!("ecdsa.pkcs8"), "ecdsa-sha2-nistp256"),
    ] {
        for passphrase in [None, Some(PASSPHRASE)] {
            assert_eq!(try_decode(text, passphrase).expect(text).algorithm().to_string(), algorithm);
        }
    }
}

#[test]
fn encrypted_keys_need_the_right_passphrase() {
    for text in [
        fixture!("ed25519-encrypted.openssh"),
        fixture!("ed25519-encrypted.pkcs8"),
        fixture!("rsa-encrypted.pkcs1"),
        fixture!("rsa-aes192.pkcs1"),
        fixture!("rsa-aes256.pkcs1"),
        fixture!("rsa-des3.pkcs1"),
        fixture!("ecdsa-encrypted.sec1"),
        fixture!("ecdsa-des3.sec1"),
    ] {
        try_decode(text, Some(PASSPHRASE)).expect(text);
        assert!(refusal(text, None).contains("give its `passphrase`"));
        assert!(refusal(text, Some("wrong")).contains("check `passphrase`"));
    }
}

#[test]
fn an_ecdsa_key_whose_number_begins_with_zeros_is_read_as_ssh_keygen_writes_it() {
    let plain = fixture!("ecdsa-short.openssh");
    for text in [plain, fixture!("ecdsa-short-encrypted.openssh"), fixture!("ecdsa-short-gcm.openssh")] {
        let key = try_decode(text, Some(PASSPHRASE)).expect(text);
        let signature = key.sign("test", HashAlg::Sha256, b"content").expect("it signs");
        key.public_key().verify("test", b"content", &signature).expect("the halves fit");
        assert_eq!((key.comment().to_string().as_str(), key.is_encrypted()), ("short", false));
        if text != plain {
            assert!(refusal(text, Some("wrong")).contains("check `passphrase`"));
        }
    }
    let truncated = plain.lines().take(4).chain(["-----END OPENSSH PRIVATE KEY-----"]).collect::<Vec<_>>().join("\n");
    assert!(refusal(&truncated, None).contains("damaged"));
}

#[test]
fn an_old_encryption_hides_the_same_key_and_never_another() {
    for (encrypted, plain) in [
        (fixture!("rsa-aes192.pkcs1"), fixture!("rsa.pkcs1")),
        (fixture!("rsa-des3.pkcs1"), fixture!("rsa.pkcs1")),
        (fixture!("ecdsa-des3.sec1"), fixture!("ecdsa.sec1")),
    ] {
        let key = try_decode(encrypted, Some(PASSPHRASE)).expect(encrypted);
        assert_eq!(key.public_key().key_data(), try_decode(plain, None).expect(plain).public_key().key_data());
        // Some of them leave a padding that looks right.
        for wrong in 0..600 {
            assert!(refusal(encrypted, Some(&wrong.to_string())).contains("check `passphrase`"));
        }
    }
}

#[test]
fn the_parameters_of_a_curve_may_stand_before_the_key() {
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    for (text, passphrase) in [(fixture!("ecdsa.sec1"), None), (fixture!("ecdsa-des3.sec1"), Some(PASSPHRASE))] {
        try_decode(&format!("{parameters}{text}"), passphrase).expect(text);
    }
}

#[test]
fn text_that_travelled_badly_is_read() {
    let text = fixture!("ed25519.openssh");
    for travelled in [
        text.replace('\n', "\r\n"),
        text.replace('\n', "\\n"),
        text.replace('\n', "\\r\\n"),
        text.replace('\n', "\n    "),
        format!("\n\n  {}", text.trim()),
    ] {
        try_decode(&travelled, None).expect(&travelled);
    }
}

#[test]
fn each_kind_of_unusable_key_has_its_sentence() {
    for (text, words) in [
        ("", "no private key"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "no private key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "kind of private key is unknown"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none", "PuTTY"),
        ("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----", "DSA"),
        (fixture!("dsa.pkcs8"), "DSA"),
        (fixture!("ed448.pkcs8"), "type of private key is not supported"),
        (&fixture!("rsa-aes256.pkcs1").replace("AES-256", "CAMELLIA-256"), "outdated"),
        (&fixture!("rsa-aes256.pkcs1").replace("AES-256-CBC,", "AES-256-CBC,é"), "damaged"),
        (&fixture!("rsa-aes256.pkcs1").replace("AES-256-CBC,", "AES-256-CBC,00"), "damaged"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "damaged"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n!\n-----END OPENSSH PRIVATE KEY-----", "damaged"),
    ] {
        let sentence = refusal(text, Some(PASSPHRASE));
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn a_key_that_would_take_hours_to_decrypt_is_refused_at_once() {
    let text = fixture!("ed25519-encrypted.openssh");
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let mut bytes = STANDARD.decode(body).expect("base64");
    // The rounds follow the salt of 16 bytes, which follows the name of the function.
    let salt = bytes.windows(6).position(|part| part == b"bcrypt").expect("bcrypt") + 6 + 4 + 4;
    bytes[salt + 16..salt + 20].copy_from_slice(&u32::MAX.to_be_bytes());
    let text =
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----", STANDARD.encode(bytes));
    assert!(refusal(&text, Some(PASSPHRASE)).contains("rounds"));
}
