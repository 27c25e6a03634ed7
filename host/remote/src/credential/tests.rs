use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs;

const ED25519: &str = include_str!("fixtures/ed25519.openssh");
const ENCRYPTED: &str = include_str!("fixtures/ed25519-encrypted.openssh");
const RSA: &str = include_str!("fixtures/rsa.pkcs1");
/// Made by `ssh-keygen -s CA -I id -n admin` for the key in `ed25519.openssh`, the next with `-h`.
const CERTIFICATE: &str = include_str!("fixtures/ed25519-cert.pub");
const HOST_CERTIFICATE: &str = include_str!("fixtures/ed25519-host-cert.pub");

fn lent() -> Lent {
    Lent { key_roots: Vec::new(), agent: None, default_keys: Vec::new() }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.into())
}

fn key(text: &str, certificate: Option<&str>) -> Authentication {
    Authentication::Key { text: secret(text), passphrase: None, certificate: certificate.map(Into::into) }
}

async fn loaded(methods: Vec<Authentication>, lent: Lent) -> Result<(Vec<String>, Vec<String>), Failure> {
    let (credentials, warnings) = load(methods, Arc::new(lent)).await?;
    let word = |credential: &Credential| match &credential.proof {
        Proof::Password(_) => "password".to_owned(),
        Proof::Key(key) => key.algorithm().to_string(),
        Proof::Certificate(_, certificate) => certificate.algorithm().to_certificate_type(),
        Proof::Agent(_) | Proof::AgentKey(_) => "agent".to_owned(),
        Proof::Missing(what) => (*what).to_owned(),
    };
    Ok((credentials.iter().map(word).collect(), warnings))
}

#[tokio::test]
async fn what_is_off_is_told_and_the_rest_goes_on() {
    let methods = vec![Authentication::Agent, Authentication::DefaultKeys, Authentication::Password(secret("pw"))];
    let (words, warnings) = loaded(methods, lent()).await.expect("a password is left");
    assert_eq!(words, ["the agent is off", "default keys are off", "password"]);
    assert!(warnings[0].contains("`agent`") && warnings[1].contains("`default_keys`"), "{warnings:?}");
}

#[tokio::test]
async fn with_nothing_left_the_failure_says_why() {
    let methods = vec![Authentication::Agent, Authentication::DefaultKeys];
    let failure = loaded(methods, lent()).await.expect_err("nothing is left");
    assert_eq!((failure.kind, failure.phase), (ErrorKind::AuthFailed, Phase::Auth));
    assert!(failure.message.contains("the agent is off, default keys are off"), "{}", failure.message);
    let failure = loaded(Vec::new(), lent()).await.expect_err("there was nothing");
    assert_eq!(failure.message, "There is nothing to log in with: give a password or a key.");
}

#[tokio::test]
async fn default_keys_come_in_order_and_an_unusable_one_is_passed_over() {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("id_rsa"), RSA).expect("write");
    fs::write(folder.path().join("id_ecdsa"), ENCRYPTED).expect("write");
    fs::write(folder.path().join("id_ed25519"), ED25519).expect("write");
    fs::write(folder.path().join("id_ed25519-cert.pub"), CERTIFICATE).expect("write");
    let default_keys = vec![folder.path().into(), folder.path().join("none")];
    let found = loaded(vec![Authentication::DefaultKeys], Lent { default_keys, ..lent() }).await;
    let (words, warnings) = found.expect("two are usable");
    assert_eq!(words, ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", "ssh-rsa"]);
    assert!(warnings[0].contains("`id_ecdsa`") && warnings[0].contains("passphrase"), "{warnings:?}");
    assert!(warnings[1].contains("`none`"), "{warnings:?}");
    let shown = warnings.concat();
    assert!(!shown.contains(folder.path().to_str().expect("UTF-8")), "no path of the daemon is told: {shown}");
}

#[tokio::test]
async fn a_certificate_comes_before_its_key() {
    let (words, _) = loaded(vec![key(ED25519, Some(CERTIFICATE))], lent()).await.expect("both");
    assert_eq!(words, ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"]);
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_refused() {
    let nested = |times| {
        STANDARD.encode(
            [0, 0, 0, 32].iter().chain(b"ssh-ed25519-cert-v01@openssh.com").copied().collect::<Vec<u8>>().repeat(times),
        )
    };
    for (private, certificate, words) in [
        (RSA, CERTIFICATE, "another private key"),
        (ED25519, HOST_CERTIFICATE, "one for a server"),
        (ED25519, "", "no certificate"),
        (ED25519, "ssh-ed25519-cert-v01@openssh.com AAAA", "no certificate"),
        (ED25519, &format!("ssh-ed25519-cert-v01@openssh.com {}", nested(20_000)), "no certificate"),
    ] {
        let failure = loaded(vec![key(private, Some(certificate))], lent()).await.expect_err("refused");
        assert_eq!((failure.kind, failure.phase), (ErrorKind::BadKey, Phase::Auth));
        assert!(failure.message.contains(words), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_wrong_certificate_beside_a_key_file_is_told_and_the_key_serves() {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("id"), ED25519).expect("write");
    let file = || Authentication::KeyFile { path: "id".into(), passphrase: None };
    let here = || Lent { key_roots: vec![folder.path().into()], ..lent() };
    fs::write(folder.path().join("id-cert.pub"), CERTIFICATE).expect("write");
    let (words, _) = loaded(vec![file()], here()).await.expect("both");
    assert_eq!(words, ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"]);
    fs::write(folder.path().join("id-cert.pub"), HOST_CERTIFICATE).expect("write");
    let (words, warnings) = loaded(vec![file()], here()).await.expect("the key");
    assert_eq!(words, ["ssh-ed25519"]);
    assert!(warnings.concat().contains("beside `id` was not used"), "{warnings:?}");
}
