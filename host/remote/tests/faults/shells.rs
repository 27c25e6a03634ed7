//! Interactive sessions.

use crate::server::Server;
use crate::{exec, is, open, wait};
use hostler_model::{ErrorKind, Exit, Failure, Phase};
use hostler_remote::{Event, Session, Shell, ShellRequest};
use std::time::Duration;

fn request(terminal: &str) -> ShellRequest {
    let (open_timeout, timeout) = (Duration::from_secs(20), Duration::from_secs(20));
    ShellRequest { terminal: terminal.into(), columns: 100, rows: 30, open_timeout, timeout }
}

async fn shell(session: &dyn Session) -> Shell {
    session.shell(request("vt100")).await.expect("a shell")
}

async fn refused(session: &dyn Session, request: ShellRequest) -> Failure {
    session.shell(request).await.err().expect("no shell")
}

/// Reads until the text is shown.
async fn shows(shell: &mut Shell, text: &str) {
    let mut shown = String::new();
    while !shown.contains(text) {
        match shell.next().await {
            Some(Event::Stdout(bytes)) => shown.push_str(&String::from_utf8_lossy(&bytes)),
            other => panic!("{other:?} after {shown:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_typed_is_answered_until_the_server_ends_it() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let mut shell = shell(&*session).await;
    server.saw("terminal vt100 100x30").await;
    shows(&mut shell, "> ").await;
    shell.write("hello\n".into()).await.expect("typed");
    shows(&mut shell, "hello\n> ").await;
    shell.write("exit\n".into()).await.expect("typed");
    shows(&mut shell, "exit\n").await;
    assert!(matches!(shell.next().await, Some(Event::Ended(Ok(Exit::Status(5))))));
    assert!(shell.next().await.is_none());
    is(&shell.write("more".into()).await.expect_err("over"), ErrorKind::Closed, Phase::Exec, "ended the shell");
}

#[tokio::test]
async fn a_shell_or_a_terminal_that_is_refused_is_told() {
    let server = Server::start().await;
    let session = open(&server).await;
    is(&refused(&*session, request("none")).await, ErrorKind::ExecRefused, Phase::Exec, "gives no terminal");
    is(&refused(&*session, request("no-shell")).await, ErrorKind::ExecRefused, Phase::Exec, "refused to start a shell");
    let brief = ShellRequest { open_timeout: Duration::from_millis(200), ..request("silent") };
    is(&refused(&*session, brief).await, ErrorKind::Timeout, Phase::Exec, "no shell within 0.2 seconds");
    assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
}

#[tokio::test]
async fn a_dropped_shell_is_closed_and_the_session_lives_on() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let shell = shell(&*session).await;
    shell.write("last words\n".into()).await.expect("typed");
    drop(shell);
    server.saw("typed last words\n").await;
    server.saw("close").await;
    assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
}

#[tokio::test]
async fn a_shell_ends_with_its_time_and_with_its_session() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let brief = ShellRequest { timeout: Duration::from_millis(200), ..request("vt100") };
    let mut brief = session.shell(brief).await.expect("a shell");
    shows(&mut brief, "> ").await;
    let Some(Event::Ended(Err(failure))) = brief.next().await else { panic!("it ends") };
    is(&failure, ErrorKind::Timeout, Phase::Exec, "open for 0.2 seconds");
    server.saw("close").await;
    let mut shell = shell(&*session).await;
    shows(&mut shell, "> ").await;
    session.close().await;
    assert!(matches!(shell.next().await, Some(Event::Stopped { .. })));
    server.saw("connection ended").await;
}

#[tokio::test]
async fn a_shell_that_nobody_reads_stalls_no_command_and_what_is_lost_is_counted() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let shell = shell(&*session).await;
    shell.write("deluge\n".into()).await.expect("typed");
    server.saw("deluge is over").await;
    assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
    assert!(shell.lost() > 0);
}
