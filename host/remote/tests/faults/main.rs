//! The engine against servers that misbehave.

mod files;
mod leftovers;
mod program;
#[path = "../shared/request.rs"]
mod request;
mod server;
mod shells;
mod wire;

use hostler_model::{ErrorKind, Exit, Failure, Phase, Secret};
use hostler_remote::{Authentication, Connect, Connector, Elevation, Event, Exec, HostKeyPolicy, Process, Session};
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey, key::safe_rng};
use server::{PASSWORD, Server, connect};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::time::timeout;

fn exec(command: &str) -> Exec {
    Exec { command: command.into(), timeout: Duration::from_secs(20), ..Exec::default() }
}

/// What a process did, from start to end.
struct Done {
    stdout: String,
    stderr_size: usize,
    end: Result<Exit, Failure>,
    /// Whether its end was seen, if it was stopped.
    stopped: Option<bool>,
}

async fn wait(mut process: Process) -> Done {
    let mut done = Done { stdout: String::new(), stderr_size: 0, end: Ok(Exit::Unknown), stopped: None };
    while let Some(event) = process.next().await {
        match event {
            Event::Stdout(data) => done.stdout.push_str(&String::from_utf8_lossy(&data)),
            Event::Stderr(data) => done.stderr_size += data.len(),
            Event::Ended(end) => done.end = end,
            Event::Stopped { confirmed } => done.stopped = Some(confirmed),
        }
    }
    done
}

async fn open(server: &Server) -> Box<dyn Session> {
    server.engine().connect(server.connect("user")).await.expect("a session")
}

async fn run(command: &str) -> Done {
    let server = Server::start().await;
    wait(open(&server).await.start(exec(command)).await.expect("started")).await
}

async fn refusal(server: &Server, request: Connect) -> Failure {
    server.engine().connect(request).await.err().expect("refused")
}

fn is(failure: &Failure, kind: ErrorKind, phase: Phase, words: &str) {
    assert_eq!((failure.kind.clone(), failure.phase), (kind, phase), "{failure}");
    assert!(failure.message.contains(words), "{failure}");
}

#[tokio::test]
async fn a_command_gives_its_output_and_its_status() {
    let done = run("echo").await;
    assert_eq!((done.stdout.as_str(), done.end), ("ran echo\n", Ok(Exit::Status(0))));
}

#[tokio::test]
async fn a_closed_port_is_told_from_silence() {
    let server = Server::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    let silent = Connect { banner_timeout: Duration::from_millis(200), ..connect(address, "user") };
    let failure = refusal(&server, silent.clone()).await;
    is(&failure, ErrorKind::Timeout, Phase::Connect, "raise `banner_timeout`");
    drop(listener);
    is(&refusal(&server, silent).await, ErrorKind::Refused, Phase::Connect, "Nobody listens");
}

#[tokio::test]
async fn the_second_address_is_tried_when_the_first_fails() {
    let server = Server::start().await;
    let mut request = server.connect("user");
    let nobody: SocketAddr = "127.0.0.1:1".parse().expect("address");
    request.addresses.insert(0, nobody);
    server.engine().connect(request).await.expect("a session");
}

#[tokio::test]
async fn a_first_key_is_recorded_and_a_changed_one_refused() {
    for algorithm in [Algorithm::Ed25519, Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }] {
        let server = Server::start().await;
        open(&server).await;
        assert!(server.known_hosts().starts_with("[127.0.0.1]:"));
        open(&server).await;
        assert_eq!(server.known_hosts().lines().count(), 1);
        let server = server.set_up_anew(algorithm).await;
        for host_key_policy in [HostKeyPolicy::AutoAdd, HostKeyPolicy::Warning, HostKeyPolicy::Reject] {
            let request = Connect { host_key_policy, ..server.connect("user") };
            is(&refusal(&server, request).await, ErrorKind::HostKeyChanged, Phase::HostKey, "line 1 of");
        }
    }
}

#[tokio::test]
async fn an_unknown_key_is_refused_or_reported_as_the_policy_says() {
    let server = Server::start().await;
    let reject = Connect { host_key_policy: HostKeyPolicy::Reject, ..server.connect("user") };
    is(&refusal(&server, reject).await, ErrorKind::HostKeyUnknown, Phase::HostKey, "ssh-keyscan -p");
    let warning = Connect { host_key_policy: HostKeyPolicy::Warning, ..server.connect("user") };
    let session = server.engine().connect(warning).await.expect("a session");
    assert!(session.warnings()[0].contains("not on record"));
    assert_eq!(server.known_hosts(), "");
}

#[tokio::test]
async fn a_revoked_key_is_refused() {
    let server = Server::start().await;
    open(&server).await;
    let revoked = format!("@revoked {}", server.known_hosts());
    std::fs::write(server.folder.path().join("known_hosts"), revoked).expect("write");
    is(&refusal(&server, server.connect("user")).await, ErrorKind::HostKeyRevoked, Phase::HostKey, "line 1");
}

#[tokio::test]
async fn a_wrong_password_names_what_was_tried_and_what_is_offered() {
    let server = Server::start().await;
    let authentication = vec![Authentication::Password(Secret::new("wrong-password".into()))];
    let failure = refusal(&server, Connect { authentication, ..server.connect("user") }).await;
    is(&failure, ErrorKind::AuthFailed, Phase::Auth, "(tried: password; the server takes: publickey, password)");
    assert!(!format!("{failure:?}").contains("wrong-password"));
}

#[tokio::test]
async fn a_password_answers_a_server_that_only_asks_questions() {
    let server = Server::start().await;
    server.engine().connect(server.connect("keyboard")).await.expect("a session");
    let authentication = vec![Authentication::Password(Secret::new("wrong".into()))];
    let failure = refusal(&server, Connect { authentication, ..server.connect("keyboard") }).await;
    is(&failure, ErrorKind::AuthFailed, Phase::Auth, "keyboard-interactive");
}

#[tokio::test]
async fn two_factors_are_given_in_the_order_the_server_wants() {
    let server = Server::start().await;
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("key");
    let text = Secret::new(key.to_openssh(LineEnding::LF).expect("text").to_string());
    let mut request = server.connect("two-factors");
    request.authentication.push(Authentication::Key { text, passphrase: None, certificate: None });
    server.engine().connect(request).await.expect("a session");
}

#[tokio::test]
async fn an_end_or_silence_during_login_is_no_wrong_password() {
    let server = Server::start().await;
    let failure = refusal(&server, server.connect("dropped")).await;
    is(&failure, ErrorKind::ConnectionLost, Phase::Auth, "connection was lost");
    let silent = Connect { auth_timeout: Duration::from_millis(300), ..server.connect("silent") };
    let failure = refusal(&server, silent).await;
    is(&failure, ErrorKind::Timeout, Phase::Auth, "raise `auth_timeout`");
    // A server that wants a new password looks the same.
    assert!(failure.message.contains("want it changed"), "{failure}");
}

#[tokio::test]
async fn an_unusable_key_is_told_before_the_server_hears_of_us() {
    let server = Server::start().await;
    let text = Secret::new("no key at all".into());
    let authentication = vec![Authentication::Key { text, passphrase: None, certificate: None }];
    let nobody = "127.0.0.1:1".parse().expect("address");
    let failure = refusal(&server, Connect { authentication, ..connect(nobody, "user") }).await;
    is(&failure, ErrorKind::BadKey, Phase::Auth, "no private key");
}

#[tokio::test]
async fn a_refused_command_is_told_and_the_session_lives_on() {
    let server = Server::start().await;
    let session = open(&server).await;
    let failure = session.start(exec("refuse")).await.err().expect("refused");
    is(&failure, ErrorKind::ExecRefused, Phase::Exec, "refused to run");
    assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
}

#[tokio::test]
async fn a_flood_on_one_stream_stalls_nothing() {
    let done = run("flood").await;
    assert_eq!((done.stderr_size, done.stdout.as_str()), (6 << 20, "done\n"));
    assert_eq!(done.end, Ok(Exit::Status(0)));
}

#[tokio::test]
async fn a_reader_who_does_not_read_stalls_no_other_command() {
    let server = Server::start().await;
    let session = open(&server).await;
    let unread = session.start(exec("flood")).await.expect("started");
    assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
    assert_eq!(wait(unread).await.stderr_size, 6 << 20);
}

#[tokio::test]
async fn output_that_nobody_takes_is_lost_and_counted() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let mut process = session.start(exec("deluge")).await.expect("started");
    server.saw("deluge is over").await;
    // What comes behind it on the same connection shows that all of it has arrived.
    assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
    let (mut size, mut end) = (0, None);
    while let Some(event) = process.next().await {
        match event {
            Event::Stdout(data) => size += data.len() as u64,
            Event::Stderr(_) => panic!("nothing was written there"),
            Event::Ended(how) => end = Some(how),
            Event::Stopped { .. } => panic!("nobody stopped it"),
        }
    }
    assert_eq!(end, Some(Ok(Exit::Status(0))));
    assert!(process.lost() > 0);
    assert_eq!(size + process.lost(), 20 << 20);
}

#[tokio::test]
async fn ends_come_in_any_order_or_not_at_all() {
    let done = run("status after eof").await;
    assert_eq!((done.stdout.as_str(), done.end), ("late\n", Ok(Exit::Status(7))));
    assert_eq!(run("no status").await.end, Ok(Exit::Unknown));
}

#[tokio::test]
async fn a_child_in_the_background_keeps_nobody() {
    let started = Instant::now();
    let done = run("background").await;
    assert_eq!((done.stdout.as_str(), done.end), ("parent\n", Ok(Exit::Status(0))));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_command_out_of_time_is_stopped_and_keeps_its_output() {
    for (command, words) in [
        ("hang", "was stopped"),
        ("hang hard", "was stopped"),
        ("hang half", "could not be confirmed as stopped"),
        ("hang for ever", "could not be confirmed as stopped"),
    ] {
        let server = Server::start().await;
        let asked = Exec { timeout: Duration::from_millis(200), ..exec(command) };
        let done = wait(open(&server).await.start(asked).await.expect("started")).await;
        assert_eq!(done.stdout, "started\n");
        is(&done.end.expect_err("late"), ErrorKind::Timeout, Phase::Exec, words);
    }
}

#[tokio::test]
async fn a_server_that_never_confirms_a_command_is_given_up() {
    let server = Server::start().await;
    let asked = Exec { timeout: Duration::from_millis(200), ..exec("ignore") };
    let failure = open(&server).await.start(asked).await.err().expect("late");
    is(&failure, ErrorKind::Timeout, Phase::Exec, "could not be confirmed");
}

#[tokio::test]
async fn a_process_that_is_stopped_tells_whether_it_ended() {
    for (command, confirmed) in [("hang", true), ("hang hard", true), ("hang for ever", false)] {
        let server = Server::start().await;
        let mut process = open(&server).await.start(exec(command)).await.expect("started");
        process.stop();
        assert_eq!(wait(process).await.stopped, Some(confirmed), "{command}");
    }
}

#[tokio::test]
async fn a_dropped_process_is_stopped_and_its_channel_closed() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    drop(session.start(exec("hang for ever")).await.expect("started"));
    for what in ["signal TERM", "signal KILL", "close"] {
        server.saw(what).await;
    }
    assert_eq!(wait(session.start(exec("echo")).await.expect("started")).await.end, Ok(Exit::Status(0)));
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_no_command_behind() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let starting = session.start(exec("hang"));
    tokio::select! {
        biased;
        _ = starting => panic!("it cannot have started yet"),
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(server.saw("close").await, ["password"]);
    let starting = session.start(exec("hang"));
    tokio::select! {
        biased;
        _ = server.saw("exec hang") => {}
        _ = starting => panic!("the server has not confirmed it yet"),
    }
    server.saw("signal TERM").await;
    // This one is never confirmed, and nobody waits for the end of its time.
    let starting = session.start(Exec { timeout: Duration::from_mins(10), ..exec("ignore") });
    tokio::select! {
        biased;
        _ = server.saw("exec ignore") => {}
        _ = starting => panic!("the server does not confirm it"),
    }
    timeout(Duration::from_secs(10), server.saw("signal TERM")).await.expect("it is stopped at once");
}

#[tokio::test]
async fn a_prompt_that_comes_with_the_beginning_is_answered() {
    let server = Server::start().await;
    let session = server.engine().connect(server.connect("root")).await.expect("a session");
    let asked = Exec { pty: true, answers: vec![("Name: ".into(), "me".into())], ..exec("ask at once") };
    let done = wait(session.start(asked).await.expect("started")).await;
    assert_eq!((done.stdout.as_str(), done.end), ("Name: it is me\n", Ok(Exit::Status(0))));
}

#[tokio::test]
async fn a_refusal_is_told_though_something_holds_the_channel_open() {
    let server = Server::start().await;
    let elevation = Some(Elevation { user: "root".into(), password: None });
    let failure = open(&server).await.start(Exec { elevation, ..exec("leave") }).await.err().expect("refused");
    is(&failure, ErrorKind::ElevationFailed, Phase::Exec, "no user `root`");
}

#[tokio::test]
async fn no_script_is_typed_into_the_terminal_that_sudo_wants() {
    let server = Server::start().await;
    let elevation = Some(Elevation { user: "root".into(), password: None });
    let script = Exec { elevation, stdin: Some("id".into()), ..exec("want a terminal") };
    let failure = open(&server).await.start(script).await.err().expect("refused");
    is(&failure, ErrorKind::ElevationFailed, Phase::Exec, "no script can be typed");
}

#[tokio::test]
async fn what_stops_a_command_leaves_no_channel_behind_when_it_hangs_itself() {
    let mut server = Server::start().await;
    let session = server.engine().connect(server.connect("root")).await.expect("a session");
    let asked = Exec { timeout: Duration::from_millis(200), ..exec("hang") };
    let done = wait(session.start(asked).await.expect("started")).await;
    is(&done.end.expect_err("late"), ErrorKind::Timeout, Phase::Exec, "could not be confirmed");
    for _ in ["what stops it", "the command"] {
        timeout(Duration::from_secs(10), server.saw("close")).await.expect("a channel is closed");
    }
}

#[tokio::test]
async fn dropping_the_session_stops_its_commands_first() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let process = session.start(exec("hang")).await.expect("started");
    drop(session);
    server.saw("signal TERM").await;
    server.saw("connection ended").await;
    assert_eq!(wait(process).await.stopped, Some(true));
}

#[tokio::test]
async fn closing_the_session_ends_the_connection() {
    let mut server = Server::start().await;
    open(&server).await.close().await;
    server.saw("connection ended").await;
}

#[tokio::test]
async fn a_lost_connection_is_told() {
    let server = Server::start().await;
    let session = open(&server).await;
    let process = session.start(exec("hang for ever")).await.expect("started");
    let failure = session.start(exec("drop the connection")).await.err().expect("lost");
    is(&failure, ErrorKind::ConnectionLost, Phase::Exec, "lost");
    is(&wait(process).await.end.expect_err("lost"), ErrorKind::ConnectionLost, Phase::Exec, "lost");
    let failure = session.start(exec("echo")).await.err().expect("lost");
    is(&failure, ErrorKind::ConnectionLost, Phase::Exec, "lost");
}

#[tokio::test]
async fn variables_that_the_server_refuses_travel_in_the_command() {
    let mut server = Server::start().await;
    let session = open(&server).await;
    let environment = vec![("LC_NAME".into(), "accepted".into()), ("OTHER".into(), "it's".into())];
    let done = wait(session.start(Exec { environment, ..exec("echo") }).await.expect("started")).await;
    assert_eq!(done.end, Ok(Exit::Status(0)));
    server.saw("env LC_NAME=accepted").await;
    server.saw("env OTHER=it's").await;
    server.saw(r#"exec exec env OTHER='it'\''s' "$SHELL" -c 'echo'"#).await;
}

#[tokio::test]
async fn many_variables_do_not_jam_the_session() {
    let server = Server::start().await;
    let environment = (0..500).map(|n| (format!("V{n}"), PASSWORD.into())).collect();
    let session = open(&server).await;
    let process = session.start(Exec { environment, ..exec("echo") }).await.expect("started");
    assert_eq!(wait(process).await.end, Ok(Exit::Status(0)));
}
