//! Jump hosts.

use crate::server::{Server, password};
use crate::{Client, end, exec, run, start};
use futures::future::join_all;
use hostler_model::{ErrorKind, Exit, Phase};
use hostler_remote::{Config, Connector, HostKeyPolicy};
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn a_chain_leads_to_the_target_with_credentials_of_its_own_for_each_leg() {
    let (a, b, c) = (Server::start().await, Server::start().await, Server::start().await);
    let client = Client::new();
    let mut request = c.connect_through(&[&a, &b], "admin");
    request.target.jumps[1].user = "other".into();
    request.jumps[1] = password("other");
    let session = client.open(request).await;
    assert_eq!(run(&*session, "whoami").await, "admin");
    assert_eq!([a.logins(), b.logins(), c.logins()], [1, 1, 1]);
    let known = std::fs::read_to_string(client.folder.path().join("known_hosts")).expect("host keys");
    for server in [&a, &b, &c] {
        assert!(known.contains(&format!("127.0.0.1]:{}", server.address.port())), "{known}");
    }
    session.close().await;
    c.state.connections.is(0).await;
}

#[tokio::test]
async fn each_leg_is_named_when_it_fails() {
    let (a, b, c) = (Server::start().await, Server::start().await, Server::start().await);
    let client = Client::new();
    let good = c.connect_through(&[&a, &b], "admin");
    for (index, server) in [&a, &b].into_iter().enumerate() {
        let mut wrong = good.clone();
        wrong.jumps[index] = password("somebody else");
        let failure = client.refusal(wrong).await;
        assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::AuthFailed, Phase::Auth), "{failure}");
        let place = format!("On the way, at jump host `127.0.0.1` port {}: The server", server.address.port());
        assert!(failure.message.starts_with(&place), "{failure}");
    }
    let mut wrong = good.clone();
    wrong.authentication = password("somebody else");
    let failure = client.refusal(wrong).await;
    assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::AuthFailed, Phase::Auth), "{failure}");
    assert!(failure.message.starts_with("The server does not let `admin` in"), "{failure}");
    client.open(good).await;
}

#[tokio::test]
async fn the_key_of_a_jump_host_must_be_as_known_as_the_targets() {
    let (a, b) = (Server::start().await, Server::start().await);
    let client = Client::new();
    let mut request = b.connect_through(&[&a], "admin");
    request.host_key_policy = HostKeyPolicy::Reject;
    let failure = client.refusal(request.clone()).await;
    assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::HostKeyUnknown, Phase::HostKey), "{failure}");
    assert!(failure.message.starts_with("On the way, at jump host"), "{failure}");
    request.host_key_policy = HostKeyPolicy::Warning;
    let warnings = client.open(request).await.warnings();
    assert_eq!(warnings.len(), 2, "one for each key: {warnings:?}");
}

#[tokio::test]
async fn a_tunnel_that_the_jump_host_refuses_says_why() {
    let (a, b) = (Server::start().await, Server::start().await);
    let client = Client::new();
    let place = format!("On the way, at jump host `127.0.0.1` port {}: ", a.address.port());
    let mut forbidden = b.connect_through(&[&a], "admin");
    forbidden.target.host = "forbidden".into();
    let mut closed = b.connect_through(&[&a], "admin");
    closed.target.port = 1;
    for (request, kind, words) in [
        (forbidden, ErrorKind::Denied, "It does not allow a tunnel to `forbidden`"),
        (closed, ErrorKind::Unreachable, "It cannot connect to `127.0.0.1` port 1"),
    ] {
        let failure = client.refusal(request).await;
        assert_eq!((failure.kind.clone(), failure.phase), (kind, Phase::Connect), "{failure}");
        assert!(failure.message.starts_with(&format!("{place}{words}")), "{failure}");
    }
    assert_eq!(a.logins(), 1, "a refused tunnel is no reason to log in again");
}

#[tokio::test]
async fn a_chain_that_is_too_long_or_has_no_credentials_is_refused() {
    let (a, b) = (Server::start().await, Server::start().await);
    let client = Client::new();
    let long = b.connect_through(&[&a; 9], "admin");
    let mut short = b.connect_through(&[&a], "admin");
    short.jumps.clear();
    for request in [long, short] {
        assert_eq!(client.refusal(request).await.kind, ErrorKind::InvalidRequest);
    }
    assert_eq!(a.state.connections.most(), 0);
}

#[tokio::test]
async fn a_hundred_targets_share_one_login_at_the_jump_host() {
    let (jump, target) = (Server::start().await, Server::start().await);
    let client = Client::with(Config { jump_idle: Duration::from_millis(200), ..Config::default() });
    let requests = (0..100).map(|number| {
        let mut request = target.connect_through(&[&jump], "admin");
        request.target.host = format!("target-{number}");
        request.keepalive = Some(Duration::from_secs(60 + number));
        client.open(request)
    });
    let sessions = join_all(requests).await;
    assert_eq!((jump.logins(), target.logins()), (1, 100));
    for session in &sessions {
        assert_eq!(run(&**session, "whoami").await, "admin");
    }
    drop(sessions);
    // Nothing is left: no tunnel, and after a while no connection to the jump host.
    target.state.connections.is(0).await;
    jump.state.tunnels.is(0).await;
    jump.state.connections.is(0).await;
}

#[tokio::test]
async fn a_failed_login_is_shared_by_those_who_wait_and_not_kept() {
    let (jump, target) = (Server::start().await, Server::start().await);
    let client = Client::new();
    let good = target.connect_through(&[&jump], "admin");
    let mut wrong = good.clone();
    wrong.jumps[0] = password("somebody else");
    for failure in join_all((0..20).map(|_| client.refusal(wrong.clone()))).await {
        assert_eq!(failure.kind, ErrorKind::AuthFailed, "{failure}");
    }
    assert_eq!(jump.state.attempts.load(Ordering::Relaxed), 1);
    client.refusal(wrong.clone()).await;
    assert_eq!(jump.state.attempts.load(Ordering::Relaxed), 2);
    // Somebody else's good login does not help, and is not spoiled.
    client.open(good).await;
    assert_eq!(client.refusal(wrong).await.kind, ErrorKind::AuthFailed);
    assert_eq!(jump.logins(), 1);
}

#[tokio::test]
async fn whoever_started_a_shared_login_may_leave() {
    let (jump, target) = (Server::start().await, Server::start().await);
    jump.state.password_gate.forget_permits(usize::MAX);
    let client = Client::new();
    let request = target.connect_through(&[&jump], "admin");
    let mut first = client.engine.connect(request.clone());
    assert!(futures::poll!(&mut first).is_pending());
    let mut second = client.engine.connect(request.clone());
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    jump.state.password_gate.add_permits(1);
    second.await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(jump.state.attempts.load(Ordering::Relaxed), 1);
    // If all leave, nothing stays behind.
    let mut other = request;
    other.jumps[0] = password("somebody else");
    let mut alone = client.engine.connect(other);
    tokio::select! {
        _ = &mut alone => panic!("the server has not answered"),
        () = jump.state.connections.is(2) => {}
    }
    drop(alone);
    jump.state.connections.is(1).await;
}

#[tokio::test]
async fn a_dead_jump_host_is_logged_in_to_anew() {
    let (jump, target) = (Server::start().await, Server::start().await);
    let client = Client::new();
    client.open(target.connect_through(&[&jump], "admin")).await.close().await;
    jump.cut();
    let session = client.open(target.connect_through(&[&jump], "admin")).await;
    assert_eq!(run(&*session, "whoami").await, "admin");
    assert_eq!(jump.logins(), 2);
}

#[tokio::test]
async fn a_cut_jump_host_is_told_to_those_behind_it() {
    let (jump, target) = (Server::start().await, Server::start().await);
    let client = Client::new();
    let session = client.open(target.connect_through(&[&jump], "admin")).await;
    let process = start(&*session, "hang").await;
    jump.cut();
    let failure = end(process).await.2.expect_err("lost");
    assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::ConnectionLost, Phase::Exec), "{failure}");
    target.state.connections.is(0).await;
}

#[tokio::test]
async fn a_tunnel_that_opens_too_late_is_closed() {
    let (jump, target) = (Server::start().await, Server::start().await);
    jump.state.channel_gate.forget_permits(usize::MAX);
    let client = Client::new();
    let mut request = target.connect_through(&[&jump], "admin");
    let given_up = client.engine.connect(request.clone());
    tokio::select! {
        _ = given_up => panic!("there is no tunnel"),
        () = jump.state.at_channel_gate.is(1) => {}
    }
    request.connect_timeout = Duration::from_millis(100);
    let failure = client.refusal(request).await;
    assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::Timeout, Phase::Connect), "{failure}");
    assert!(failure.message.contains("did not connect to"), "{failure}");
    jump.state.channel_gate.add_permits(2);
    jump.state.at_channel_gate.is(0).await;
    jump.state.tunnels.is(0).await;
    target.state.connections.is(0).await;
}

/// A nested session that writes and does not read must not hold up the jump host's session, which
/// would then never free its write.
#[tokio::test]
async fn load_in_both_directions_does_not_jam_a_tunnel() {
    let (jump, target) = (Server::start().await, Server::start().await);
    let client = Client::new();
    let session = client.open(target.connect_through(&[&jump], "admin")).await;
    // 100 KiB there and 1 MiB back, 64 times at once.
    let command = format!("noise {}", "x".repeat(100 << 10));
    let all = join_all((0..64).map(|_| async { end(session.start(exec(&command)).await.expect("started")).await }));
    let all = tokio::time::timeout(Duration::from_mins(2), all).await.expect("it is not jammed");
    for (size, _, end) in all {
        assert_eq!((size, end), (1 << 20, Ok(Exit::Status(0))));
    }
}
