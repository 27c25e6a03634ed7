//! Shared connections.

use crate::server::{Server, password};
use crate::{Client, end, exec, run, start};
use futures::future::join_all;
use hostler_model::{ErrorKind, Exit, Phase};
use hostler_remote::{Config, Connect, Event};
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::sleep;

#[tokio::test]
async fn a_session_is_reused_by_its_equal_and_by_nobody_else() {
    let server = Server::start().await;
    let client = Client::new();
    let first = client.open(server.connect("admin")).await;
    assert!(!first.reused());
    first.close().await;
    let second = client.open(server.connect("admin")).await;
    assert!(second.reused());
    assert_eq!(run(&*second, "whoami").await, "admin");
    // Another user, and a wrong password, are other truths.
    let other = client.open(server.connect("other")).await;
    assert!(!other.reused());
    assert_eq!(run(&*other, "whoami").await, "other");
    let wrong = Connect { authentication: password("other"), ..server.connect("admin") };
    assert_eq!(client.refusal(wrong).await.kind, ErrorKind::AuthFailed);
    assert_eq!(server.logins(), 2);
    let unshared = client.open(Connect { reuse: false, ..server.connect("admin") }).await;
    assert!(!unshared.reused());
    assert_eq!(server.logins(), 3);
}

#[tokio::test]
async fn what_is_checked_differently_is_not_shared() {
    let server = Server::start().await;
    let client = Client::new();
    let plain = server.connect("admin");
    let _first = client.open(plain.clone()).await;
    let mut elsewhere = plain.clone();
    elsewhere.addresses.push("127.0.0.2:1".parse().expect("address"));
    let policy = Connect { host_key_policy: hostler_remote::HostKeyPolicy::Reject, ..plain.clone() };
    let asked_more_often = Connect { keepalive: Some(Duration::from_secs(5)), ..plain.clone() };
    for request in [elsewhere, policy, asked_more_often] {
        assert!(!client.open(request).await.reused());
    }
    assert!(client.open(plain).await.reused());
}

#[tokio::test]
async fn a_connection_has_room_for_so_many_sessions() {
    let server = Server::start().await;
    let client = Client::new();
    let sessions = join_all((0..25).map(|_| client.open(server.connect("admin")))).await;
    assert_eq!(server.logins(), 3);
    assert_eq!(sessions.iter().filter(|session| session.reused()).count(), 22);
}

#[tokio::test]
async fn a_server_with_less_room_gets_another_connection() {
    let server = Server::start().await;
    server.state.max_sessions.store(1, Ordering::Relaxed);
    let client = Client::new();
    let sessions = join_all((0..6).map(|_| client.open(server.connect("admin")))).await;
    assert_eq!(server.logins(), 1);
    let running = join_all(sessions.iter().map(|session| start(&**session, "hang"))).await;
    assert_eq!((server.state.sessions.now(), server.logins()), (6, 6));
    drop(running);
    server.state.sessions.is(0).await;
    // A server that refuses even the first session is not asked for ever.
    server.state.max_sessions.store(0, Ordering::Relaxed);
    let failure = client.open(server.connect("other")).await.start(exec("whoami")).await.err().expect("refused");
    assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::ExecRefused, Phase::Exec), "{failure}");
}

#[tokio::test]
async fn a_server_that_has_no_room_for_a_moment_is_asked_once_more() {
    let server = Server::start().await;
    let client = Client::new();
    let session = client.open(Connect { reuse: false, ..server.connect("admin") }).await;
    server.state.no_room.store(1, Ordering::Relaxed);
    assert_eq!(run(&*session, "whoami").await, "admin");
    server.state.no_room.store(2, Ordering::Relaxed);
    let failure = session.start(exec("whoami")).await.err().expect("refused");
    assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::ExecRefused, Phase::Exec), "{failure}");
    assert_eq!((server.logins(), server.state.no_room.load(Ordering::Relaxed)), (1, 0));
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let server = Server::start().await;
    let client = Client::with(Config { pool_idle: Duration::from_millis(100), ..Config::default() });
    let session = client.open(server.connect("admin")).await;
    session.close().await;
    server.state.connections.is(0).await;
    // A request may ask for longer.
    let longer = Connect { keepalive: Some(Duration::from_mins(1)), ..server.connect("longer") };
    client.open(longer.clone()).await.close().await;
    client.open(server.connect("admin")).await.close().await;
    server.state.connections.is(1).await;
    assert!(client.open(longer).await.reused());
}

#[tokio::test]
async fn an_old_connection_gets_no_new_users() {
    let server = Server::start().await;
    let client = Client::with(Config { pool_age: Duration::from_nanos(1), ..Config::default() });
    let old = client.open(server.connect("admin")).await;
    assert!(!client.open(server.connect("admin")).await.reused());
    assert_eq!(run(&*old, "whoami").await, "admin");
}

#[tokio::test]
async fn a_dead_connection_is_replaced_before_anything_was_executed() {
    let server = Server::start().await;
    let client = Client::new();
    client.open(server.connect("admin")).await.close().await;
    let session = client.open(server.connect("admin")).await;
    assert!(session.reused());
    server.cut();
    assert_eq!(run(&*session, "whoami").await, "admin");
    assert!(!session.reused());
    assert_eq!(server.logins(), 2);
}

#[tokio::test]
async fn after_a_command_a_lost_connection_is_told() {
    let server = Server::start().await;
    let client = Client::new();
    client.open(server.connect("admin")).await.close().await;
    let session = client.open(server.connect("admin")).await;
    run(&*session, "whoami").await;
    server.cut();
    let failure = session.start(exec("whoami")).await.err().expect("lost");
    assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::ConnectionLost, Phase::Exec), "{failure}");
    assert_eq!(server.logins(), 1);
}

#[tokio::test]
async fn the_end_of_a_session_stops_its_own_commands_only() {
    let server = Server::start().await;
    let client = Client::new();
    let (mine, theirs) = (client.open(server.connect("admin")).await, client.open(server.connect("admin")).await);
    let (my_command, mut their_command) = (start(&*mine, "hang").await, start(&*theirs, "hang").await);
    mine.close().await;
    assert_eq!(end(my_command).await.2.expect_err("closed").kind, ErrorKind::Canceled);
    server.state.sessions.is(1).await;
    assert!(matches!(their_command.next().await, Some(Event::Stdout(_))));
    assert_eq!(run(&*theirs, "whoami").await, "admin");
    assert_eq!(server.logins(), 1);
}

#[tokio::test]
async fn a_cut_is_told_once_to_each_of_fifty_commands_and_leaves_nothing() {
    let server = Server::start().await;
    let client =
        Client::with(Config { sessions_per_connection: NonZero::new(50).expect("not 0"), ..Config::default() });
    let before = Handle::current().metrics().num_alive_tasks();
    let sessions = join_all((0..50).map(|_| client.open(server.connect("admin")))).await;
    let mut commands = join_all(sessions.iter().map(|session| start(&**session, "hang"))).await;
    for command in &mut commands {
        assert!(matches!(command.next().await, Some(Event::Stdout(_))));
    }
    assert_eq!((server.logins(), server.state.sessions.now()), (1, 50));
    server.cut();
    for mut command in commands {
        let Some(Event::Ended(Err(failure))) = command.next().await else { panic!("a failure was due") };
        assert_eq!((failure.kind.clone(), failure.phase), (ErrorKind::ConnectionLost, Phase::Exec), "{failure}");
        assert!(failure.message.starts_with("The connection was lost"), "{failure}");
        assert!(command.next().await.is_none());
    }
    drop(sessions);
    client.engine.shutdown().await;
    server.state.connections.is(0).await;
    server.state.sessions.is(0).await;
    // Tasks end a moment after the last thing that can be seen from outside.
    while Handle::current().metrics().num_alive_tasks() > before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn ten_thousand_commands_on_one_connection_leave_nothing() {
    let server = Server::start().await;
    let client = Client::new();
    let session = client.open(server.connect("admin")).await;
    for _ in 0..500 {
        for text in join_all((0..20).map(|_| run(&*session, "whoami"))).await {
            assert_eq!(text, "admin");
        }
    }
    assert_eq!(server.state.all_sessions.load(Ordering::Relaxed), 10_000);
    assert!(client.open(server.connect("admin")).await.reused(), "there is nothing to retire the connection for");
    assert_eq!(server.logins(), 1);
}

#[tokio::test]
async fn a_connection_with_many_unclosed_channels_is_retired() {
    let server = Server::start().await;
    let client = Client::new();
    let session = client.open(server.connect("admin")).await;
    let ends = join_all((0..1100).map(|_| async { end(start(&*session, "background").await).await.2 })).await;
    assert!(ends.into_iter().all(|end| end == Ok(Exit::Status(0))));
    assert!(!client.open(server.connect("admin")).await.reused());
    assert_eq!(server.logins(), 2);
}

#[tokio::test]
async fn an_open_that_is_given_up_leaves_no_session_at_the_server() {
    let server = Server::start().await;
    server.state.channel_gate.forget_permits(usize::MAX);
    let client = Client::new();
    let session = client.open(server.connect("admin")).await;
    for _ in 0..20 {
        let starting = session.start(exec("hang"));
        tokio::select! {
            _ = starting => panic!("the server has not confirmed it"),
            () = server.state.at_channel_gate.is(1) => {}
        }
        server.state.channel_gate.add_permits(1);
        server.state.at_channel_gate.is(0).await;
    }
    server.state.sessions.is(0).await;
    server.state.channel_gate.add_permits(1);
    assert_eq!(run(&*session, "whoami").await, "admin");
}

#[tokio::test]
async fn the_end_of_the_engine_closes_what_it_kept() {
    let (jump, target) = (Server::start().await, Server::start().await);
    let client = Client::new();
    let through = Connect { reuse: true, ..target.connect_through(&[&jump], "admin") };
    client.open(through).await.close().await;
    let open = client.open(target.connect("admin")).await;
    let _command = start(&*open, "hang").await;
    drop(open);
    client.engine.shutdown().await;
    for server in [&jump, &target] {
        server.state.connections.is(0).await;
    }
    // Without words, too.
    let client = Client::new();
    client.open(target.connect("admin")).await.close().await;
    drop(client);
    target.state.connections.is(0).await;
}

/// Carries connections to `server`. Those that there are go silent, without an end, when it is notified.
async fn wire_to(server: &Server) -> (SocketAddr, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let (near, far, silence) = (listener.local_addr().expect("address"), server.address, Arc::new(Notify::new()));
    let silent = silence.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(far).await.expect("it listens");
            let silent = silent.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    () = silent.notified() => std::future::pending().await,
                }
            });
        }
    });
    (near, silence)
}

#[tokio::test]
async fn a_connection_that_was_idle_must_show_that_it_lives() {
    let server = Server::start().await;
    let client = Client::new();
    let (address, silence) = wire_to(&server).await;
    let mut request = server.connect("admin");
    request.target.port = address.port();
    request.addresses = vec![address];
    client.open(request.clone()).await.close().await;
    silence.notify_waiters();
    // Younger ones are believed to live; nothing but time tells.
    sleep(Duration::from_millis(5100)).await;
    let session = client.open(request).await;
    assert!(!session.reused());
    assert_eq!(run(&*session, "whoami").await, "admin");
}
