//! Jobs that cannot succeed: each says of what kind its failure is, in which phase, and what to do.

use crate::job::{body, failing, output};
use crate::{SETUP, daemon};
use anyhow::Context;
use hostler_tests::{Daemon, KeyForm, KeyType, Setup, Sshd};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

fn echo(sshd: &Sshd) -> Value {
    body(sshd, "echo hi")
}

fn succeeding(daemon: &Daemon, body: &Value) -> anyhow::Result<()> {
    assert_eq!(output(daemon, body)?, "hi\n");
    Ok(())
}

#[test]
fn wrong_password() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let mut body = echo(&sshd);
    body["connection_args"]["password"] = "not-the-password".into();
    let message = failing(&daemon, &body, "auth-failed", "auth")?;
    assert!(!message.contains("not-the-password"), "{message}");
    assert!(message.contains("password"), "it names the method: {message}");
    succeeding(&daemon, &echo(&sshd))
}

/// A program that starts the daemon where names are looked up at `nameserver` only.
fn resolving_at(nameserver: &str, folder: &Path) -> anyhow::Result<String> {
    let (resolver, program) = (folder.join("resolv.conf"), folder.join("daemon"));
    fs::write(&resolver, format!("nameserver {nameserver}\noptions timeout:30 attempts:1\n"))?;
    let inside = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
    let script =
        format!("#!/bin/sh\nexec unshare --mount sh -c '{inside}' {} {} \"$@\"\n", resolver.display(), SETUP.program);
    fs::write(&program, script)?;
    fs::set_permissions(&program, Permissions::from_mode(0o700))?;
    Ok(program.to_str().context("the path is text")?.to_owned())
}

#[test]
fn a_name_that_nobody_answers_for_holds_up_no_other_job() -> anyhow::Result<()> {
    // It hears and says nothing.
    let deaf = UdpSocket::bind("127.77.0.53:53").context("DNS has port 53: run the tests as root")?;
    let folder = tempfile::tempdir()?;
    let program = resolving_at(&deaf.local_addr()?.ip().to_string(), folder.path())?;
    let mut daemon = Daemon::start(&Setup { program: &program, ..SETUP })?;
    let sshd = Sshd::shared()?;
    let mut nowhere = echo(&sshd);
    nowhere["connection_args"]["host"] = "nobody-answers.test".into();
    nowhere["connection_args"]["timeout"] = 1.into();
    let started = Instant::now();
    let waiting = daemon.execute(&nowhere)?;
    succeeding(&daemon, &echo(&sshd))?;
    let message = failing(&daemon, &nowhere, "timeout", "connect")?;
    assert!(message.contains("DNS"), "{message}");
    assert_eq!(daemon.wait(waiting.job()?)?["error"]["kind"], "timeout");
    daemon.end()?;
    assert!(started.elapsed().as_secs() < 20, "the resolver itself gives up after 30 s");
    Ok(())
}

#[test]
fn wrong_passphrase_and_no_passphrase() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, Some("the-passphrase"))?;
    let mut body = echo(&sshd);
    body["connection_args"]["pkey"] = key.into();
    body["connection_args"].as_object_mut().context("an object")?.remove("password");
    let missing = failing(&daemon, &body, "bad-key", "auth")?;
    body["connection_args"]["passphrase"] = "not-the-passphrase".into();
    let wrong = failing(&daemon, &body, "bad-key", "auth")?;
    assert_ne!(missing, wrong, "a missing and a wrong passphrase need different remedies");
    Ok(())
}

#[test]
fn unknown_host_name() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let mut body = echo(&sshd);
    body["connection_args"]["host"] = "no-such-host.invalid".into();
    let message = failing(&daemon, &body, "unknown-host", "connect")?;
    assert!(message.contains("no-such-host.invalid"), "{message}");
    Ok(())
}

#[test]
fn closed_port() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let mut body = echo(&sshd);
    body["connection_args"]["port"] = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().into();
    failing(&daemon, &body, "refused", "connect")?;
    Ok(())
}

#[test]
fn nobody_speaks_ssh_at_that_port() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let mut body = echo(&sshd);
    body["connection_args"]["port"] = silent.local_addr()?.port().into();
    body["connection_args"]["banner_timeout"] = 0.5.into();
    let start = Instant::now();
    let message = failing(&daemon, &body, "timeout", "connect")?;
    assert!(message.contains("banner_timeout"), "it names what to raise: {message}");
    assert!(start.elapsed().as_secs() < 10, "the deadline was 0.5 s");
    Ok(())
}

#[test]
fn auto_add_records_a_first_key_and_refuses_a_changed_one() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let known_hosts = daemon.data().join("known_hosts");
    succeeding(&daemon, &echo(&sshd))?;
    let recorded = fs::read_to_string(&known_hosts)?;
    assert!(
        recorded.lines().any(|line| sshd.known_hosts().is_ok_and(|known| known.contains(key_of(line)))),
        "{recorded}"
    );
    succeeding(&daemon, &echo(&sshd))?;
    assert_eq!(fs::read_to_string(&known_hosts)?, recorded, "a key is recorded once");

    // The server that was recorded was another one.
    let other = Sshd::start(&[])?;
    let changed = other.known_hosts()?.replace(&other.port().to_string(), &sshd.port().to_string());
    fs::write(&known_hosts, &changed)?;
    failing(&daemon, &echo(&sshd), "host-key-changed", "host-key")?;
    assert_eq!(fs::read_to_string(&known_hosts)?, changed, "nothing is recorded over it");
    Ok(())
}

/// The key in a line of `known_hosts`.
fn key_of(line: &str) -> &str {
    line.split(' ').nth(2).unwrap_or("no key")
}

#[test]
fn reject_wants_the_key_on_record() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let known_hosts = daemon.data().join("known_hosts");
    let mut body = echo(&sshd);
    body["connection_args"]["host_key_policy"] = "reject".into();
    let message = failing(&daemon, &body, "host-key-unknown", "host-key")?;
    assert!(message.contains("ssh-keyscan"), "it says how to add the key: {message}");
    assert!(!known_hosts.exists() || fs::read_to_string(&known_hosts)?.is_empty(), "nothing is recorded");
    fs::write(&known_hosts, sshd.known_hosts()?)?;
    succeeding(&daemon, &body)
}

#[test]
fn warning_connects_tells_and_does_not_record() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let mut body = echo(&sshd);
    body["connection_args"]["host_key_policy"] = "warning".into();
    let job = daemon.run(&body)?;
    assert_eq!(job["state"], "finished", "{job}");
    assert!(job["warnings"].to_string().contains("host key"), "{job}");
    let known_hosts = daemon.data().join("known_hosts");
    assert!(!known_hosts.exists() || fs::read_to_string(&known_hosts)?.is_empty(), "nothing is recorded");
    Ok(())
}

#[test]
fn a_key_file_outside_the_key_folders_is_denied() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let mut body = echo(&sshd);
    body["connection_args"].as_object_mut().context("an object")?.remove("password");
    let mut answers = Vec::new();
    for path in ["/etc/shadow", "/no/such/file", "../hostler.toml"] {
        body["connection_args"]["key_filename"] = path.into();
        answers.push(failing(&daemon, &body, "denied", "auth")?.replace(path, ""));
    }
    assert_eq!(answers[0], answers[1], "it does not tell which files exist");
    Ok(())
}

#[test]
fn a_deny_rule_stops_a_job_before_it_is_accepted() -> anyhow::Result<()> {
    let config = r#"
        [[policy]]
        plugin = "policy-hosts"
        settings = { deny = ["127.0.0.0/8"] }
    "#;
    let daemon = Daemon::start(&hostler_tests::Setup { config, ..crate::SETUP })?;
    let sshd = Sshd::shared()?;
    let denied = daemon.execute(&echo(&sshd))?;
    assert_eq!(denied.status, 403, "{}", denied.text);
    assert!(denied.text.contains("127.0.0.1"), "it names the target: {}", denied.text);

    // A name is judged by the addresses that it resolves to, at connect.
    let mut body = echo(&sshd);
    body["connection_args"]["host"] = "localhost".into();
    failing(&daemon, &body, "denied", "policy")?;
    Ok(())
}
