//! What a fault may leave behind: nothing.

use crate::server::Server;
use crate::{exec, is, open, refusal, wait};
use futures::future::join_all;
use hostler_model::{ErrorKind, Phase};
use hostler_remote::Connect;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::time::sleep;

/// The tasks that are there anyway.
pub(crate) struct Leftovers {
    tasks: usize,
}

impl Leftovers {
    pub(crate) fn before() -> Self {
        Self { tasks: tasks() }
    }

    /// Waits until there is no task more than before, and no open connection with that server.
    pub(crate) async fn none(self, server: SocketAddr) {
        let end = Instant::now() + Duration::from_secs(10);
        while tasks() > self.tasks || connections(server) > 0 {
            let more = tasks().saturating_sub(self.tasks);
            assert!(Instant::now() < end, "{more} tasks and {} ends of connections are left", connections(server));
            // Nobody tells when a task has ended that nobody waits for.
            sleep(Duration::from_millis(10)).await;
        }
    }
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Open sockets of connections to that server, at either end (`/proc/net/tcp` of proc(5)).
fn connections(server: SocketAddr) -> usize {
    const LISTENING: &str = "0A";
    let port = format!(":{:04X}", server.port());
    let table = std::fs::read_to_string("/proc/self/net/tcp").expect("the kernel lists connections");
    let open = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, state, .., inode] = fields[..10] else { return false };
        (local.ends_with(&port) || remote.ends_with(&port)) && state != LISTENING && inode != "0"
    };
    table.lines().skip(1).filter(open).count()
}

#[tokio::test]
async fn faults_of_a_login_leave_nothing() {
    for (user, kind, words) in [
        ("dropped", ErrorKind::ConnectionLost, "connection was lost"),
        ("expired", ErrorKind::AuthFailed, "keyboard-interactive"),
        ("curious", ErrorKind::AuthFailed, "keyboard-interactive"),
        ("inquisitive", ErrorKind::ConnectionLost, "connection was lost"),
    ] {
        let server = Server::start().await;
        let leftovers = Leftovers::before();
        let start = Instant::now();
        let asked = Connect { auth_timeout: Duration::from_secs(2), ..server.connect(user) };
        let failure = refusal(&server, asked).await;
        is(&failure, kind, Phase::Auth, words);
        assert!(start.elapsed() < Duration::from_secs(6), "{user}: {:?}", start.elapsed());
        leftovers.none(server.address).await;
    }
}

#[tokio::test]
async fn a_password_is_told_once_even_to_a_server_that_never_stops_asking() {
    let mut server = Server::start().await;
    refusal(&server, server.connect("curious")).await;
    let mut answers = server.saw("connection ended").await;
    answers.retain(|seen| seen == "answer");
    assert!(answers.len() < 20, "{} answers", answers.len());
}

#[tokio::test]
async fn a_new_password_is_never_set() {
    let mut server = Server::start().await;
    refusal(&server, server.connect("expired")).await;
    assert!(server.saw("connection ended").await.contains(&"new password Some(\"\")".to_owned()));
}

#[tokio::test]
async fn a_command_that_is_cut_midway_keeps_what_it_wrote() {
    let server = Server::start().await;
    let leftovers = Leftovers::before();
    let session = open(&server).await;
    let done = wait(session.start(exec("cut midway")).await.expect("started")).await;
    assert_eq!(done.stdout, "half of");
    is(&done.end.expect_err("cut"), ErrorKind::ConnectionLost, Phase::Exec, "maintenance");
    drop(session);
    leftovers.none(server.address).await;
}

#[tokio::test]
async fn a_full_server_is_told_and_its_other_commands_go_on() {
    let server = Server::start().await;
    let session = server.engine();
    let session = hostler_remote::Connector::connect(&session, server.connect("two rooms")).await.expect("a session");
    let leftovers = Leftovers::before();
    let first = session.start(exec("hang")).await.expect("started");
    let second = wait(session.start(exec("echo")).await.expect("started")).await;
    assert_eq!(second.stdout, "ran echo\n");
    let failure = session.start(exec("echo")).await.err().expect("full");
    is(&failure, ErrorKind::ExecRefused, Phase::Exec, "MaxSessions");
    drop((first, session));
    // The two ends of the connection had a task each before.
    leftovers.none(server.address).await;
}

#[tokio::test]
async fn a_cut_connection_is_told_to_each_of_fifty_commands_and_leaves_nothing() {
    let server = Server::start().await;
    let leftovers = Leftovers::before();
    let session = open(&server).await;
    let starting = join_all((0..50).map(|_| session.start(exec("hang for ever")))).await;
    let running = starting.into_iter().map(|started| wait(started.expect("started")));
    let last = session.start(exec("drop the connection"));
    let (ends, last) = futures::join!(join_all(running), last);
    is(&last.err().expect("lost"), ErrorKind::ConnectionLost, Phase::Exec, "lost");
    assert_eq!(ends.len(), 50);
    for done in ends {
        assert_eq!(done.stdout, "started\n");
        is(&done.end.expect_err("lost"), ErrorKind::ConnectionLost, Phase::Exec, "lost");
    }
    drop(session);
    leftovers.none(server.address).await;
}
