//! Every way to log in, against OpenSSH: certificates, an agent, default keys, and their order.

use crate::engine::{connect, password, run};
use anyhow::{Context, ensure};
use hostler_model::{ErrorKind, Failure, Secret};
use hostler_remote::{Authentication, Config, Connect, Connector, Engine};
use hostler_tests::{KeyForm, KeyType, Sshd};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const TYPES: [KeyType; 3] = [KeyType::Rsa, KeyType::Ed25519, KeyType::Ecdsa];

/// A folder for the engine's files.
struct Place(TempDir);

impl Place {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(TempDir::with_prefix("hostler-keys-")?))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn engine(&self, config: Config) -> anyhow::Result<Engine> {
        Ok(Config { known_hosts: self.path("known_hosts"), ..config }.build()?)
    }

    /// Writes a private key where only we read it.
    fn write(&self, name: &str, key: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, key)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(path)
    }

    /// Makes a key pair that no server knows.
    fn make(&self, name: &str, kind: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        tool(Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(&path))?;
        Ok(path)
    }
}

fn tool(command: &mut Command) -> anyhow::Result<()> {
    let run = command.stdin(Stdio::null()).output()?;
    ensure!(run.status.success(), "{command:?}: {}", String::from_utf8_lossy(&run.stderr));
    Ok(())
}

/// Has the authority sign the public half of a key for the fleet's user.
fn certify(authority: &Path, key: &Path) -> anyhow::Result<String> {
    let public = key.with_extension("pub");
    tool(Command::new("ssh-keygen").args(["-q", "-I", "test", "-n", Sshd::USER, "-s"]).arg(authority).arg(&public))?;
    let name = key.file_name().context("a name")?.to_string_lossy();
    Ok(fs::read_to_string(key.with_file_name(format!("{name}-cert.pub")))?)
}

/// A running agent of OpenSSH.
struct SshAgent {
    child: Child,
    socket: PathBuf,
}

impl SshAgent {
    fn start(place: &Place, keys: &[PathBuf]) -> anyhow::Result<Self> {
        Self::start_with(place, keys, &[])
    }

    /// With options for `ssh-add`.
    fn start_with(place: &Place, keys: &[PathBuf], options: &[&str]) -> anyhow::Result<Self> {
        let socket = place.path("agent");
        let mut child = Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::piped()).spawn()?;
        // It says where it listens once it does.
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut String::new())?;
        let agent = Self { child, socket };
        for key in keys {
            tool(Command::new("ssh-add").arg("-q").args(options).arg(key).env("SSH_AUTH_SOCK", &agent.socket))?;
        }
        Ok(agent)
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.socket);
    }
}

async fn refusal(engine: &Engine, request: Connect) -> anyhow::Result<Failure> {
    engine.connect(request).await.err().context("it let us in")
}

/// What a request has to show, instead of the password.
fn with(sshd: &Sshd, authentication: Vec<Authentication>) -> Connect {
    Connect { authentication, ..connect(sshd) }
}

#[tokio::test]
async fn a_key_in_every_form_logs_in() -> anyhow::Result<()> {
    let (place, sshd) = (Place::new()?, Sshd::shared()?);
    let engine = place.engine(Config::default())?;
    for kind in TYPES {
        for form in [KeyForm::OpenSsh, KeyForm::Pem, KeyForm::Pkcs8] {
            for passphrase in [None, Some("the passphrase")] {
                if matches!((kind, form), (KeyType::Ed25519, KeyForm::Pem)) {
                    continue;
                }
                let text = Secret::new(sshd.key(kind, form, passphrase)?);
                let passphrase = passphrase.map(|text| Secret::new(text.into()));
                let key = Authentication::Key { text, passphrase, certificate: None };
                run(&engine, with(&sshd, vec![key]), "true").await.with_context(|| format!("{kind:?} {form:?}"))?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_logs_in_with_a_key_that_the_server_never_saw() -> anyhow::Result<()> {
    let place = Place::new()?;
    let authority = place.make("authority", "ed25519")?;
    let trust = format!("TrustedUserCAKeys {}", authority.with_extension("pub").display());
    let sshd = Sshd::start(&[&trust])?;
    let engine = place.engine(Config { key_roots: vec![place.path("")], ..Config::default() })?;
    for kind in ["rsa", "ed25519", "ecdsa"] {
        let key = place.make(kind, kind)?;
        let text = || fs::read_to_string(&key).map(Secret::new);
        let bare = Authentication::Key { text: text()?, passphrase: None, certificate: None };
        assert_eq!(refusal(&engine, with(&sshd, vec![bare])).await?.kind, ErrorKind::AuthFailed);
        let certificate = Some(certify(&authority, &key)?);
        let content = Authentication::Key { text: text()?, passphrase: None, certificate };
        run(&engine, with(&sshd, vec![content]), "true").await.with_context(|| format!("content, {kind}"))?;
        let file = Authentication::KeyFile { path: kind.into(), passphrase: None };
        run(&engine, with(&sshd, vec![file]), "true").await.with_context(|| format!("file, {kind}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn the_agent_logs_in_with_keys_and_certificates() -> anyhow::Result<()> {
    let place = Place::new()?;
    let authority = place.make("authority", "ed25519")?;
    let trust = format!("TrustedUserCAKeys {}", authority.with_extension("pub").display());
    let sshd = Sshd::start(&[&trust])?;
    for kind in TYPES {
        let key = place.write("key", &sshd.key(kind, KeyForm::OpenSsh, None)?)?;
        let agent = SshAgent::start(&place, &[key])?;
        let engine = place.engine(Config { agent: Some(agent.socket.clone()), ..Config::default() })?;
        run(&engine, with(&sshd, vec![Authentication::Agent]), "true").await.with_context(|| format!("{kind:?}"))?;
    }
    for kind in ["rsa", "ed25519"] {
        let key = place.make(kind, kind)?;
        certify(&authority, &key)?;
        let agent = SshAgent::start(&place, &[key])?;
        let engine = place.engine(Config { agent: Some(agent.socket.clone()), ..Config::default() })?;
        run(&engine, with(&sshd, vec![Authentication::Agent]), "true").await.context(kind)?;
    }
    Ok(())
}

#[tokio::test]
async fn many_keys_of_the_agent_leave_a_try_for_the_password() -> anyhow::Result<()> {
    let (place, sshd) = (Place::new()?, Sshd::shared()?);
    let keys: Vec<_> = (0..8).map(|n| place.make(&format!("key{n}"), "ed25519")).collect::<Result<_, _>>()?;
    let agent = SshAgent::start(&place, &keys)?;
    let engine = place.engine(Config { agent: Some(agent.socket.clone()), ..Config::default() })?;
    let both = vec![Authentication::Agent, password(Sshd::PASSWORD)];
    let (_, warnings) = run(&engine, with(&sshd, both), "true").await?;
    assert!(warnings.concat().contains("3 of the daemon's own keys were not tried"), "{warnings:?}");
    let failure = refusal(&engine, with(&sshd, vec![Authentication::Agent])).await?;
    assert_eq!(failure.kind, ErrorKind::AuthFailed, "{failure}");
    Ok(())
}

#[tokio::test]
async fn a_key_that_the_agent_will_not_use_is_passed_over() -> anyhow::Result<()> {
    let (place, sshd) = (Place::new()?, Sshd::shared()?);
    let key = place.write("key", &sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?)?;
    // Somebody would have to confirm each use, and nobody is there.
    let agent = SshAgent::start_with(&place, &[key], &["-c"])?;
    let engine = place.engine(Config { agent: Some(agent.socket.clone()), ..Config::default() })?;
    let both = vec![Authentication::Agent, password(Sshd::PASSWORD)];
    let (_, warnings) = run(&engine, with(&sshd, both), "true").await?;
    assert!(warnings.concat().contains("could not sign"), "{warnings:?}");
    Ok(())
}

#[tokio::test]
async fn an_agent_that_is_gone_is_passed_over() -> anyhow::Result<()> {
    let (place, sshd) = (Place::new()?, Sshd::shared()?);
    let engine = place.engine(Config { agent: Some(place.path("nobody")), ..Config::default() })?;
    let both = vec![Authentication::Agent, password(Sshd::PASSWORD)];
    let (_, warnings) = run(&engine, with(&sshd, both), "true").await?;
    assert!(warnings.concat().contains("agent cannot be used"), "{warnings:?}");
    let failure = refusal(&engine, with(&sshd, vec![Authentication::Agent])).await?;
    assert!(failure.message.contains("the agent cannot be used"), "{failure}");
    Ok(())
}

#[tokio::test]
async fn default_keys_log_in_where_the_operator_lends_them() -> anyhow::Result<()> {
    let (place, sshd) = (Place::new()?, Sshd::shared()?);
    place.make("id_rsa", "rsa")?;
    place.write("id_ed25519", &sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?)?;
    let lent = place.engine(Config { default_keys: vec![place.path("")], ..Config::default() })?;
    run(&lent, with(&sshd, vec![Authentication::DefaultKeys]), "true").await?;
    let failure = refusal(&place.engine(Config::default())?, with(&sshd, vec![Authentication::DefaultKeys])).await?;
    assert!(failure.message.contains("default keys are off"), "{failure}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_followed_by_the_password() -> anyhow::Result<()> {
    let (place, sshd) = (Place::new()?, Sshd::shared()?);
    let text = Secret::new(fs::read_to_string(place.make("key", "ed25519")?)?);
    let wrong = Authentication::Key { text, passphrase: None, certificate: None };
    run(&place.engine(Config::default())?, with(&sshd, vec![wrong, password(Sshd::PASSWORD)]), "true").await?;
    Ok(())
}

#[tokio::test]
async fn compression_is_used_or_its_absence_told() -> anyhow::Result<()> {
    let place = Place::new()?;
    let engine = place.engine(Config::default())?;
    for (server, told) in [("Compression yes", false), ("Compression no", true)] {
        let sshd = Sshd::start(&[server])?;
        let request = Connect { compress: true, ..connect(&sshd) };
        let (output, warnings) = run(&engine, request, "seq 1 200000").await?;
        assert!(output.ends_with("\n200000\n") && output.len() == 1_288_895, "{}", output.len());
        assert_eq!(warnings.concat().contains("Compression was asked for"), told, "{warnings:?}");
    }
    Ok(())
}
