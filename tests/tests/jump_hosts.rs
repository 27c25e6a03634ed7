//! The SSH engine by itself against real OpenSSH servers: ways through jump hosts, and shared connections.

use crate::engine::{self, connect};
use anyhow::{Context, ensure};
use futures::future::{join_all, try_join_all};
use hostler_model::{ErrorKind, Exit, Failure, Hop, Secret, Target};
use hostler_remote::{Authentication, Config, Connect, Connector, Engine, Event, Exec, Session};
use hostler_tests::{KeyForm, KeyType, Sshd, memory};
use std::collections::HashSet;
use std::process::{self, Command};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn engine() -> anyhow::Result<(Engine, TempDir)> {
    let folder = TempDir::with_prefix("hostler-engine-")?;
    let engine = Config { known_hosts: folder.path().join("known_hosts"), ..Config::default() }.build()?;
    Ok((engine, folder))
}

fn password(text: &str) -> Vec<Authentication> {
    vec![engine::password(text)]
}

/// A request for a session of its own with the target, through the jump hosts, each with the right password.
fn through(jumps: &[&Sshd], target: &Sshd) -> Connect {
    let hop = |sshd: &&Sshd| Hop { host: "127.0.0.1".into(), port: sshd.port(), user: Sshd::USER.into() };
    let direct = connect(target);
    Connect {
        target: Target { jumps: jumps.iter().map(hop).collect(), ..direct.target },
        addresses: connect(jumps.first().unwrap_or(&target)).addresses,
        jumps: jumps.iter().map(|_| password(Sshd::PASSWORD)).collect(),
        ..direct
    }
}

async fn run(session: &dyn Session, command: &str) -> Result<(String, Exit), Failure> {
    let exec = Exec { command: command.into(), timeout: Duration::from_mins(1), ..Exec::default() };
    let mut process = session.start(exec).await?;
    let mut output = String::new();
    loop {
        match process.next().await {
            Some(Event::Stdout(data) | Event::Stderr(data)) => output += &String::from_utf8_lossy(&data),
            Some(Event::Ended(end)) => return Ok((output, end?)),
            Some(Event::Stopped { .. }) | None => unreachable!("it ends, and nobody stops it"),
        }
    }
}

async fn refusal(engine: &Engine, request: Connect) -> anyhow::Result<Failure> {
    engine.connect(request).await.err().context("it was let in")
}

/// How often somebody logged in to a server, as its log has it.
fn sshd_logins(sshd: &Sshd) -> anyhow::Result<usize> {
    Ok(sshd.log()?.lines().filter(|line| line.starts_with("Accepted ")).count())
}

/// Over how many connections the server sees the sessions, when all run a command that tells it at once.
async fn connections(sessions: &[Box<dyn Session>], command: &str) -> anyhow::Result<usize> {
    let answers = try_join_all(sessions.iter().map(|session| run(&**session, command))).await?;
    assert!(answers.iter().all(|(_, exit)| *exit == Exit::Status(0)), "{answers:?}");
    Ok(answers.into_iter().map(|(output, _)| output).collect::<HashSet<_>>().len())
}

#[tokio::test]
async fn each_leg_has_its_own_credentials_and_is_named_when_they_are_wrong() -> anyhow::Result<()> {
    let ((engine, _folder), jump, target) = (engine()?, Sshd::start(&[])?, Sshd::start(&[])?);
    let mut good = through(&[&jump], &target);
    let text = Secret::new(jump.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?);
    good.jumps = vec![vec![Authentication::Key { text, passphrase: None, certificate: None }]];
    let mut wrong = good.clone();
    wrong.jumps = vec![password("not-the-password")];
    let failure = refusal(&engine, wrong).await?;
    assert_eq!(failure.kind, ErrorKind::AuthFailed, "{failure}");
    let place = format!("On the way, at jump host `127.0.0.1` port {}: The server does not let", jump.port());
    assert!(failure.message.starts_with(&place), "{failure}");
    let failure = refusal(&engine, Connect { authentication: password("not-the-password"), ..good.clone() }).await?;
    assert_eq!(failure.kind, ErrorKind::AuthFailed, "{failure}");
    assert!(failure.message.starts_with("The server does not let"), "{failure}");
    let session = engine.connect(good).await?;
    // The target sees the jump host's connection, and its own port.
    let (output, _) = run(&*session, "echo $SSH_CONNECTION").await?;
    assert!(output.trim_end().ends_with(&format!("127.0.0.1 {}", target.port())), "{output}");
    Ok(())
}

#[tokio::test]
async fn what_a_jump_host_refuses_is_told() -> anyhow::Result<()> {
    let ((engine, _folder), strict, target) = (engine()?, Sshd::start(&["AllowTcpForwarding=no"])?, Sshd::start(&[])?);
    let failure = refusal(&engine, through(&[&strict], &target)).await?;
    assert_eq!(failure.kind, ErrorKind::Denied, "{failure}");
    assert!(failure.message.contains("AllowTcpForwarding"), "{failure}");
    let mut nobody = through(&[&target], &target);
    nobody.target.port = 1;
    let failure = refusal(&engine, nobody).await?;
    assert_eq!(failure.kind, ErrorKind::Unreachable, "{failure}");
    assert!(failure.message.contains("cannot connect to `127.0.0.1` port 1"), "{failure}");
    Ok(())
}

#[tokio::test]
async fn a_hundred_sessions_behind_one_jump_host_at_once() -> anyhow::Result<()> {
    let ((engine, _folder), jump, target) = (engine()?, Sshd::start(&[])?, Sshd::start(&[])?);
    let requests = (0..100).map(|_| engine.connect(through(&[&jump], &target)));
    let sessions = try_join_all(requests).await?;
    assert_eq!(connections(&sessions, "echo $SSH_CONNECTION").await?, 100);
    assert_eq!(sshd_logins(&jump)?, 1);
    join_all(sessions.iter().map(|session| session.close())).await;
    engine.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn equal_requests_share_connections_with_the_room_that_sshd_has() -> anyhow::Result<()> {
    let ((engine, _folder), sshd) = (engine()?, Sshd::start(&["MaxSessions=2"])?);
    let shared = Connect { reuse: true, ..through(&[], &sshd) };
    let sessions = try_join_all((0..6).map(|_| engine.connect(shared.clone()))).await?;
    assert_eq!(connections(&sessions[..1], "echo $SSH_CONNECTION").await?, 1);
    assert_eq!(sessions.iter().filter(|session| session.reused()).count(), 5);
    assert_eq!(connections(&sessions, "sleep 1; echo $SSH_CONNECTION").await?, 3);
    Ok(())
}

/// In a process of its own: what other tests take is not to be counted.
#[test]
fn thousands_of_commands_on_one_connection_take_no_memory() -> anyhow::Result<()> {
    const ALONE: &str = "HOSTLER_TEST_ALONE";
    #[expect(clippy::disallowed_methods, reason = "this is the only test in that process")]
    if std::env::var_os(ALONE).is_some() {
        return Runtime::new()?.block_on(thousands_of_commands());
    }
    let this = "jump_hosts::thousands_of_commands_on_one_connection_take_no_memory";
    let ended = Command::new(std::env::current_exe()?).args([this, "--exact"]).env(ALONE, "").output()?;
    let told = String::from_utf8_lossy(&ended.stdout);
    ensure!(ended.status.success() && told.contains("1 passed"), "{told}");
    Ok(())
}

async fn thousands_of_commands() -> anyhow::Result<()> {
    let ((engine, _folder), sshd) = (engine()?, Sshd::start(&[])?);
    let session = engine.connect(through(&[], &sshd)).await?;
    let mut sizes = Vec::new();
    for _ in 0..4 {
        for _ in 0..100 {
            // sshd needs a moment to forget a session, and allows ten.
            try_join_all((0..5).map(|_| run(&*session, "true"))).await?;
        }
        sizes.push(memory(process::id())?);
    }
    // russh keeps more than 3 KiB of a channel that it never forgets, each time; the first ones grow buffers.
    ensure!(sizes[3] < sizes[0] + (1 << 20), "sizes after 500 commands each: {sizes:?}");
    Ok(())
}
