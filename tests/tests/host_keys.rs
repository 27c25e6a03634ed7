//! Which servers are trusted, against OpenSSH: pins, certificates, hashed names, and keeping the record.

use crate::engine::{connect, run};
use anyhow::{Context, ensure};
use hostler_model::{ErrorKind, Failure, Phase};
use hostler_remote::{Config, Connect, Connector, Engine, HostKeyPolicy, HostKeys, scan};
use hostler_tests::{Daemon, Sshd};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use ureq::http::Method;

/// A folder with a file of host keys.
struct Place(TempDir);

impl Place {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(TempDir::with_prefix("hostler-host-keys-")?))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn known_hosts(&self) -> PathBuf {
        self.path("known_hosts")
    }

    fn recorded(&self) -> String {
        fs::read_to_string(self.known_hosts()).unwrap_or_default()
    }

    fn engine(&self) -> anyhow::Result<Engine> {
        Ok(Config { known_hosts: self.known_hosts(), ..Config::default() }.build()?)
    }

    /// Makes a key pair and answers its public half.
    fn make(&self, name: &str, kind: &str) -> anyhow::Result<String> {
        ssh_keygen(&["-q", "-t", kind, "-N", "", "-C", "", "-f"], &self.path(name))?;
        Ok(fs::read_to_string(self.path(name).with_extension("pub"))?.trim().to_owned())
    }

    /// A server with a host key of its own and a certificate for it, which is made with `options`.
    fn certified(&self, authority: &str, options: &[&str]) -> anyhow::Result<Sshd> {
        let name = format!("host-{}", options.concat().replace(['.', ',', ':'], "-"));
        self.make(&name, "ed25519")?;
        let (authority, key) = (self.path(authority), self.path(&name));
        let authority = authority.to_str().context("UTF-8")?;
        ssh_keygen(&[&["-q", "-s", authority, "-I", "host", "-h"], options].concat(), &key.with_extension("pub"))?;
        let certificate = self.path(&format!("{name}-cert.pub"));
        let own = format!("HostKey {}", key.display());
        Sshd::start(&[&own, &format!("HostCertificate {}", certificate.display())])
    }
}

fn ssh_keygen(arguments: &[&str], path: &Path) -> anyhow::Result<()> {
    let run = Command::new("ssh-keygen").args(arguments).arg(path).stdin(Stdio::null()).output()?;
    ensure!(run.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&run.stderr));
    Ok(())
}

fn strict(sshd: &Sshd) -> Connect {
    Connect { host_key_policy: HostKeyPolicy::Reject, ..connect(sshd) }
}

async fn refused(engine: &Engine, request: Connect, kind: ErrorKind, words: &str) -> anyhow::Result<()> {
    let failure: Failure = engine.connect(request).await.err().with_context(|| format!("it was trusted: {words}"))?;
    assert_eq!((&failure.kind, failure.phase), (&kind, Phase::HostKey), "{failure}");
    assert!(failure.message.contains(words), "{failure}");
    Ok(())
}

/// The keys of a server as `TYPE BASE64`.
fn keys(sshd: &Sshd) -> anyhow::Result<Vec<String>> {
    let lines = sshd.known_hosts()?;
    Ok(lines.lines().map(|line| line.split(' ').skip(1).take(2).collect::<Vec<_>>().join(" ")).collect())
}

#[tokio::test]
async fn a_pinned_key_is_trusted_and_no_other() -> anyhow::Result<()> {
    let (place, sshd) = (Place::new()?, Sshd::shared()?);
    let engine = place.engine()?;
    let shown = scan("127.0.0.1", sshd.port(), Duration::from_secs(10)).await?;
    let ed25519 = shown.iter().find(|key| key.algorithm == "ssh-ed25519").context("it has one")?;
    let rsa = shown.iter().find(|key| key.algorithm == "ssh-rsa").context("it has one")?;
    let stranger = place.make("stranger", "ed25519")?;
    for pins in
        [vec![ed25519.fingerprint.clone()], vec![stranger.clone(), ed25519.text.clone()], vec![rsa.text.clone()]]
    {
        run(&engine, Connect { host_keys: pins, ..strict(&sshd) }, "true").await?;
    }
    let wrong = Connect { host_keys: vec![stranger], ..connect(&sshd) };
    refused(&engine, wrong, ErrorKind::HostKeyChanged, "`host_keys` allows only SHA256:").await?;
    let malformed = Connect { host_keys: vec!["SHA256:x".into()], ..connect(&sshd) };
    refused(&engine, malformed, ErrorKind::InvalidRequest, "`SHA256:x`").await?;
    assert_eq!(place.recorded(), "", "pins leave the record alone");
    fs::write(place.known_hosts(), format!("@revoked * {}\n", ed25519.text))?;
    let revoked = Connect { host_keys: vec![ed25519.fingerprint.clone()], ..connect(&sshd) };
    refused(&engine, revoked, ErrorKind::HostKeyRevoked, "line 1").await
}

#[tokio::test]
async fn a_certificate_of_an_authority_on_record_is_trusted() -> anyhow::Result<()> {
    let place = Place::new()?;
    let engine = place.engine()?;
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let authority = place.make(kind, kind)?;
        let sshd = place.certified(kind, &["-n", &format!("{kind},127.0.0.1"), "-V", "-5m:+1h"])?;
        let record = format!("@cert-authority 127.0.0.* {authority}\n");
        fs::write(place.known_hosts(), &record)?;
        run(&engine, strict(&sshd), "true").await.context(kind)?;
        run(&engine, connect(&sshd), "true").await.context(kind)?;
        assert_eq!(place.recorded(), record, "there is nothing to learn");
        fs::write(place.known_hosts(), format!("{record}@revoked * {authority}\n"))?;
        refused(&engine, connect(&sshd), ErrorKind::HostKeyRevoked, "line 2").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused_whatever_the_policy() -> anyhow::Result<()> {
    let place = Place::new()?;
    let engine = place.engine()?;
    let record = format!("@cert-authority * {}\n", place.make("authority", "ed25519")?);
    place.make("stranger", "ed25519")?;
    fs::write(place.known_hosts(), &record)?;
    for (authority, options, words) in [
        ("authority", ["-n", "other.example", "-V", "-5m:+1h"], "for other names"),
        ("authority", ["-n", "127.0.0.1", "-V", "20200101:20210101"], "not valid at this time"),
        ("stranger", ["-n", "127.0.0.1", "-V", "-5m:+2h"], "of another authority"),
    ] {
        let sshd = place.certified(authority, &options)?;
        for request in [strict(&sshd), connect(&sshd)] {
            refused(&engine, request, ErrorKind::HostKeyUnknown, words).await?;
        }
    }
    refused(&engine, connect(&*Sshd::shared()?), ErrorKind::HostKeyUnknown, "has no certificate").await?;
    assert_eq!(place.recorded(), record, "nothing was learned");
    Ok(())
}

#[tokio::test]
async fn names_that_are_hashed_are_found_and_removed() -> anyhow::Result<()> {
    let (place, sshd) = (Place::new()?, Sshd::shared()?);
    fs::write(place.known_hosts(), sshd.known_hosts()?)?;
    ssh_keygen(&["-q", "-H", "-f"], &place.known_hosts())?;
    assert!(place.recorded().starts_with("|1|"), "{}", place.recorded());
    run(&place.engine()?, strict(&sshd), "true").await?;
    let record = HostKeys::new(place.known_hosts());
    assert_eq!(record.remove("127.0.0.1", sshd.port()).await?.len(), 3);
    assert_eq!(place.recorded(), "");
    refused(&place.engine()?, strict(&sshd), ErrorKind::HostKeyUnknown, "not on record").await
}

#[tokio::test]
async fn a_scan_shows_the_keys_of_all_types() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let mut shown: Vec<String> =
        scan("127.0.0.1", sshd.port(), Duration::from_secs(10)).await?.into_iter().map(|key| key.text).collect();
    let mut own = keys(&sshd)?;
    shown.sort_unstable();
    own.sort_unstable();
    assert_eq!(shown, own);
    Ok(())
}

/// Runs `hostler hostkeys` on a data directory.
fn hostkeys(data: &Path, arguments: &[&str]) -> anyhow::Result<Result<String, String>> {
    let mut command = Command::new(crate::SETUP.program);
    let run = command.args(["hostkeys", "--data-dir"]).arg(data).args(arguments).env_clear().output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(if run.status.success() { Ok(text(&run.stdout)) } else { Err(text(&run.stderr)) })
}

fn strict_job(sshd: &Sshd) -> Value {
    json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "127.0.0.1", "port": sshd.port(), "username": Sshd::USER, "password": Sshd::PASSWORD,
            "host_key_policy": "reject"
        },
        "command": "echo hi"
    })
}

#[test]
fn the_record_is_kept_from_the_command_line_while_a_daemon_runs() -> anyhow::Result<()> {
    let (daemon, sshd) = (crate::daemon()?, Sshd::shared()?);
    let (data, port) = (daemon.data(), sshd.port().to_string());
    let succeeded = |daemon: &Daemon| anyhow::Ok(daemon.run(&strict_job(&sshd))?["state"] == "finished");
    let scanned = hostkeys(&data, &["scan", "127.0.0.1", "--port", &port])?.map_err(anyhow::Error::msg)?;
    assert_eq!(scanned.lines().count(), 3, "{scanned}");
    assert_eq!(hostkeys(&data, &["list"])?, Ok(String::new()), "a scan alone records nothing");
    assert!(!succeeded(&daemon)?);

    let key = keys(&sshd)?.pop().context("it has keys")?;
    let added = hostkeys(&data, &["add", "--port", &port, "127.0.0.1", &key])?.map_err(anyhow::Error::msg)?;
    assert!(added.starts_with("1: ") && added.contains(&format!("[127.0.0.1]:{port}")), "{added}");
    assert!(succeeded(&daemon)?);

    hostkeys(&data, &["scan", "127.0.0.1", "--port", &port, "--add"])?.map_err(anyhow::Error::msg)?;
    let list = hostkeys(&data, &["list"])?.map_err(anyhow::Error::msg)?;
    assert_eq!(list.lines().count(), 3, "{list}");
    for line in scanned.lines() {
        let fingerprint = line.split(' ').next().unwrap_or_default();
        assert!(list.contains(fingerprint), "{list}");
    }
    hostkeys(&data, &["remove", "127.0.0.1", "--port", &port])?.map_err(anyhow::Error::msg)?;
    assert!(!succeeded(&daemon)?);
    let nothing = hostkeys(&data, &["remove", "127.0.0.1", "--port", &port])?;
    assert!(nothing.is_err_and(|error| error.contains("No key is on record")));
    Ok(())
}

#[test]
fn the_record_is_kept_over_http() -> anyhow::Result<()> {
    let (daemon, sshd) = (crate::daemon()?, Sshd::shared()?);
    let key = keys(&sshd)?.pop().context("it has keys")?;
    let body = json!({"host": "127.0.0.1", "port": sshd.port(), "key": key});
    let added = daemon.send(Method::POST, "/v1/host-keys", &body.to_string())?;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(daemon.get("/v1/host-keys")?.body["host_keys"], json!([added.body]));
    assert_eq!(daemon.run(&strict_job(&sshd))?["state"], "finished");
    let gone = daemon.send(Method::DELETE, &format!("/v1/host-keys?host=127.0.0.1&port={}", sshd.port()), "")?;
    assert_eq!(gone.body, json!({"removed": [added.body]}));
    assert_eq!(daemon.run(&strict_job(&sshd))?["error"]["kind"], "host-key-unknown");
    Ok(())
}
