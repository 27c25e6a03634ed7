//! Logins wait for their turn.

use crate::Client;
use crate::server::Server;
use futures::future::join_all;
use hostler_model::{ErrorKind, Phase};
use hostler_remote::{Config, Connect};
use std::num::NonZero;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn no_more_logins_than_allowed_are_in_progress_at_one_server() {
    let server = Server::start().await;
    let client = Client::with(Config { logins_at_once: NonZero::new(3).expect("not 0"), ..Config::default() });
    let unshared = Connect { reuse: false, ..server.connect("admin") };
    let sessions = join_all((0..30).map(|_| client.open(unshared.clone()))).await;
    assert_eq!((server.logins(), server.state.strangers.most()), (30, 3));
    drop(sessions);
    server.state.connections.is(0).await;
}

#[tokio::test]
async fn a_turn_that_does_not_come_in_time_is_told() {
    let server = Server::start().await;
    server.state.password_gate.forget_permits(usize::MAX);
    let client = Client::with(Config { logins_at_once: NonZero::new(1).expect("not 0"), ..Config::default() });
    let unshared = Connect { reuse: false, ..server.connect("admin") };
    let hasty = Connect { connect_timeout: Duration::from_millis(100), ..unshared.clone() };
    let waits = async {
        server.state.strangers.is(1).await;
        let failure = client.refusal(hasty).await;
        assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::Timeout, Phase::Connect), "{failure}");
        assert!(failure.message.contains("1 logins at `127.0.0.1` port"), "{failure}");
        server.state.password_gate.add_permits(1);
    };
    tokio::join!(client.open(unshared), waits);
    assert_eq!(server.state.connections.most(), 1);
}

#[tokio::test]
async fn a_server_that_turns_us_away_is_asked_once_more() {
    let server = Server::start().await;
    let client = Client::new();
    server.state.turn_away.store(1, Ordering::Relaxed);
    client.open(server.connect("admin")).await.close().await;
    assert_eq!(server.state.turn_away.load(Ordering::Relaxed), 0);
    assert!(client.open(server.connect("admin")).await.reused());
    server.state.turn_away.store(2, Ordering::Relaxed);
    let failure = client.refusal(server.connect("other")).await;
    assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::ConnectionLost, Phase::Connect), "{failure}");
    assert!(failure.message.contains("MaxStartups"), "{failure}");
}

#[tokio::test]
async fn a_server_that_says_it_has_no_room_is_asked_until_the_time_is_up() {
    let server = Server::start().await;
    let client = Client::new();
    server.state.busy.store(3, Ordering::Relaxed);
    client.open(server.connect("admin")).await;
    assert_eq!(server.state.busy.load(Ordering::Relaxed), 0);
    server.state.busy.store(usize::MAX, Ordering::Relaxed);
    let hasty = Connect { connect_timeout: Duration::from_millis(500), ..server.connect("other") };
    let failure = client.refusal(hasty).await;
    assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::Busy, Phase::Connect), "{failure}");
    assert!(failure.message.contains("no room for another login"), "{failure}");
}
