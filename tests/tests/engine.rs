//! The SSH engine itself, without the daemon around it.

use hostler_model::{Exit, Secret, Target};
use hostler_remote::{Authentication, Connect, Connector, Event, Exec, HostKeyPolicy, Session};
use hostler_tests::Sshd;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A request to log in to a server with its password.
pub(crate) fn connect(sshd: &Sshd) -> Connect {
    let patience = Duration::from_mins(1);
    Connect {
        target: Target {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: sshd.port(),
            user: Sshd::USER.into(),
            jumps: vec![],
        },
        addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, sshd.port()))],
        authentication: vec![password(Sshd::PASSWORD)],
        jumps: vec![],
        host_key_policy: HostKeyPolicy::AutoAdd,
        host_keys: vec![],
        compress: false,
        bulk: false,
        keepalive: None,
        reuse: false,
        connect_timeout: patience,
        banner_timeout: patience,
        auth_timeout: patience,
    }
}

/// Password authentication.
pub(crate) fn password(text: &str) -> Authentication {
    Authentication::Password(Secret::new(text.into()))
}

/// Connects, runs a command that succeeds, and answers its output and the session's warnings.
pub(crate) async fn run(
    engine: &impl Connector,
    request: Connect,
    command: &str,
) -> anyhow::Result<(String, Vec<String>)> {
    let session = engine.connect(request).await?;
    let output = output(&*session, command).await?;
    Ok((output, session.warnings()))
}

async fn output(session: &dyn Session, command: &str) -> anyhow::Result<String> {
    let exec = Exec { command: command.into(), timeout: Duration::from_secs(20), ..Exec::default() };
    let mut process = session.start(exec).await?;
    let mut output = String::new();
    while let Some(event) = process.next().await {
        match event {
            Event::Stdout(data) => output.push_str(&String::from_utf8_lossy(&data)),
            Event::Stderr(data) => anyhow::bail!("it complains: {}", String::from_utf8_lossy(&data)),
            Event::Ended(end) => anyhow::ensure!(end? == Exit::Status(0), "it failed"),
            Event::Stopped { .. } => anyhow::bail!("it was stopped"),
        }
    }
    Ok(output)
}
