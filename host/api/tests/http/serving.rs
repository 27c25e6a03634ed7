//! The accept loop, over real sockets.

use crate::scripted::{ID, KEY, Scripted, SlowSubmit, job, no_host_keys, request};
use hostler_api::{Api, Config, serve};
use hostler_jobs::{Event, Happening, Job, State, Told};
use hostler_model::{JobId, Secret};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

async fn start(backend: Scripted, config: Config) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (address, shutdown) = (listener.local_addr().expect("an address"), CancellationToken::new());
    let api = Api::new(config, backend, no_host_keys(), Secret::new(KEY.into()));
    let task = tokio::spawn(serve(listener, api, shutdown.clone()));
    Server { address, shutdown, task }
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address).await.expect("a connection")
}

async fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("the server reads");
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nX-API-KEY: {KEY}\r\n\r\n")
}

/// Reads until the text has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(text) {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.expect("the server answers");
        assert!(count > 0, "the connection ended after {seen:?}");
        seen.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    seen
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = start(Scripted::default(), Config::default()).await;
    let mut stream = connect(&server).await;
    for _ in 0..3 {
        write(&mut stream, &get("/health")).await;
        assert!(read_until(&mut stream, "\"ok\"").await.starts_with("HTTP/1.1 200 OK"));
    }
}

#[tokio::test]
async fn a_client_that_sends_too_much_before_it_reads_still_sees_the_answer() {
    let server = start(Scripted::default(), Config::default()).await;
    let mut stream = connect(&server).await;
    let size = 10 << 20;
    let head =
        format!("POST /device/execute HTTP/1.1\r\nHost: h\r\nX-API-KEY: {KEY}\r\nContent-Length: {size}\r\n\r\n");
    write(&mut stream, &head).await;
    write(&mut stream, &"x".repeat(size)).await;
    assert!(read_until(&mut stream, "send less").await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let server = start(Scripted::default(), Config { header_read_timeout: 1, ..Config::default() }).await;
    let (mut slow, mut idle) = (connect(&server).await, connect(&server).await);
    write(&mut slow, "GET /health HTTP/1.1\r\nHost:").await;
    write(&mut idle, &get("/health")).await;
    read_until(&mut idle, "\"ok\"").await;
    for stream in [&mut slow, &mut idle] {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("the server closes the connection");
    }
}

/// A configuration with this many connections.
fn room_for(connections: u16) -> Config {
    serde_json::from_value(json!({"max_connections": connections})).expect("a configuration")
}

#[tokio::test]
async fn no_request_makes_room_for_another_connection() {
    let backend = Scripted::with_jobs(vec![job(State::Started)]);
    let somebody_waits = Arc::new(Notify::new());
    backend.script().wait_for_ever = Some(somebody_waits.clone());
    let server = start(backend, room_for(1)).await;
    let mut first = connect(&server).await;
    write(&mut first, &get(&format!("/v1/jobs/{ID}?wait=60"))).await;
    somebody_waits.notified().await;
    let mut second = connect(&server).await;
    write(&mut second, &get("/health")).await;
    let early = timeout(Duration::from_millis(50), second.readable()).await;
    assert!(early.is_err(), "the second connection was answered while the first had a request under way");
    drop(first);
    read_until(&mut second, "\"ok\"").await;
}

#[tokio::test]
async fn thousands_of_idle_connections_keep_nobody_out() {
    const IDLE: usize = 10_000;
    // The client's ends are here too.
    const DESCRIPTORS: u64 = 12_000;
    let maximum = getrlimit(Resource::Nofile).maximum.map(|maximum| maximum.max(DESCRIPTORS));
    let limit = Rlimit { current: Some(DESCRIPTORS), maximum };
    setrlimit(Resource::Nofile, limit).expect("so many descriptors are allowed");
    let server = start(Scripted::default(), room_for(100)).await;
    let mut idle = Vec::new();
    for number in 0..IDLE {
        let mut stream = connect(&server).await;
        if number % 2 == 0 {
            write(&mut stream, "GET /healthz HTTP/1.1\r\nHo").await;
        }
        idle.push(stream);
    }
    let answer = async {
        let mut stream = connect(&server).await;
        write(&mut stream, &get("/healthz")).await;
        read_until(&mut stream, "\"ok\"").await
    };
    let answer =
        timeout(Duration::from_secs(10), answer).await.expect("nobody has to wait until idle ones are timed out");
    assert!(answer.starts_with("HTTP/1.1 200 OK"));
    // Those that came first made room.
    let mut first = idle.swap_remove(1);
    assert_eq!(first.read(&mut [0; 9]).await.expect("it was closed"), 0);
}

#[tokio::test]
async fn a_request_is_not_waited_for_byte_by_byte() {
    let config = Config { header_read_timeout: 1, body_read_timeout: 1, ..Config::default() };
    let server = start(Scripted::default(), config).await;
    let head = format!("POST /device/execute HTTP/1.1\r\nHost: h\r\nX-API-KEY: {KEY}\r\nContent-Length: 9999\r\n\r\n");
    for (at_once, dribbled, answer) in [("", head.as_str(), ""), (&head, " ".repeat(9999).as_str(), "408")] {
        let stream = connect(&server).await;
        let (mut reader, mut writer) = stream.into_split();
        writer.write_all(at_once.as_bytes()).await.expect("the server reads");
        let dribbled = dribbled.to_owned();
        let dribble = async move {
            for byte in dribbled.bytes() {
                if writer.write_all(&[byte]).await.is_err() {
                    break;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let mut seen = Vec::new();
        tokio::select! {
            () = dribble => panic!("everything was taken, byte by byte"),
            _ = reader.read_to_end(&mut seen) => {}
        }
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.contains(answer), "{seen}");
    }
}

#[tokio::test]
async fn a_client_that_never_reads_gives_its_place_up() {
    let config = Config { write_timeout: 1, max_followers: 1, ..Config::default() };
    let backend = Scripted::with_jobs(vec![job(State::Started)]);
    let what = Happening::Output { run: 0, stream: "stdout".into(), offset: 0, bytes: vec![b'x'; 1 << 16] };
    let at = "2026-11-22T14:34:57Z".parse().expect("a time");
    backend.script().told = vec![Told::Event(Event { number: 1, at, what })];
    backend.script().told_for_ever = true;
    let server = start(backend, config).await;
    let follow = get(&format!("/v1/jobs/{ID}/events"));
    let mut greedy = connect(&server).await;
    write(&mut greedy, &follow).await;
    read_until(&mut greedy, "200 OK").await;
    timeout(Duration::from_secs(30), async {
        loop {
            let mut other = connect(&server).await;
            write(&mut other, &follow).await;
            if read_until(&mut other, "\r\n\r\n").await.starts_with("HTTP/1.1 200") {
                break;
            }
        }
    })
    .await
    .expect("the place becomes free");
    drop(greedy);
}

#[tokio::test]
async fn at_shutdown_a_waiting_request_is_answered_and_the_port_is_closed() {
    let backend = Scripted::with_jobs(vec![job(State::Started)]);
    let somebody_waits = Arc::new(Notify::new());
    backend.script().wait_for_ever = Some(somebody_waits.clone());
    let server = start(backend, Config::default()).await;
    let mut idle = connect(&server).await;
    write(&mut idle, &get("/health")).await;
    read_until(&mut idle, "\"ok\"").await;
    let mut waiting = connect(&server).await;
    write(&mut waiting, &get(&format!("/v1/jobs/{ID}?wait=60"))).await;
    somebody_waits.notified().await;
    server.shutdown.cancel();
    assert!(read_until(&mut waiting, "}").await.contains("\"started\""));
    server.task.await.expect("the loop ends");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_submission_is_carried_to_its_end_when_the_client_goes_away() {
    let (backend, steps) = (Scripted::default(), Arc::new(SlowSubmit::default()));
    backend.script().slow_submit = Some(steps.clone());
    let server = start(backend, Config::default()).await;
    let mut stream = connect(&server).await;
    let body = request().to_string();
    let head =
        format!("POST /device/execute HTTP/1.1\r\nHost: h\r\nX-API-KEY: {KEY}\r\nContent-Length: {}", body.len());
    write(&mut stream, &format!("{head}\r\n\r\n{body}")).await;
    steps.begun.notified().await;
    drop(stream);
    server.shutdown.cancel();
    server.task.await.expect("the loop ends");
    steps.go_on.notify_one();
    steps.ended.notified().await;
}

#[tokio::test]
async fn who_follows_a_job_in_silence_is_no_idle_client_and_is_let_go_at_shutdown() {
    let (backend, awaited) = (Scripted::with_jobs(vec![job(State::Started)]), Arc::new(Notify::new()));
    backend.script().more_to_come = Some(awaited.clone());
    let server = start(backend, Config { header_read_timeout: 1, ..Config::default() }).await;
    let mut following = connect(&server).await;
    write(&mut following, &get(&format!("/v1/jobs/{ID}/events"))).await;
    awaited.notified().await;
    let mut idle = connect(&server).await;
    write(&mut idle, &get("/health")).await;
    idle.read_to_end(&mut Vec::new()).await.expect("the server closes what is idle");
    server.shutdown.cancel();
    let end = tokio::time::timeout(std::time::Duration::from_secs(5), server.task).await;
    end.expect("nobody is waited for").expect("the loop ends");
    assert!(read_until(&mut following, "\r\n0\r\n\r\n").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_look_at_a_job_of_dialect_0_4_that_has_just_begun_waits_for_its_end() {
    let (young, old) = (Job { id: JobId::new(), ..job(State::Started) }, job(State::Started));
    let path = format!("/v0.4/jobs/{}", young.id);
    let backend = Scripted::with_jobs(vec![young, old]);
    let somebody_waits = Arc::new(Notify::new());
    backend.script().wait_for_ever = Some(somebody_waits.clone());
    let server = start(backend, Config::default()).await;
    let (mut waiting, mut told) = (connect(&server).await, connect(&server).await);
    write(&mut waiting, &get(&path)).await;
    timeout(Duration::from_secs(10), somebody_waits.notified()).await.expect("the look waits");
    write(&mut told, &get(&format!("/v0.4/jobs/{ID}"))).await;
    assert!(read_until(&mut told, "}").await.contains("200 OK"), "an old one is shown at once");
    server.shutdown.cancel();
    assert!(read_until(&mut waiting, "}").await.contains("200 OK"), "nor does it hold up the shutdown");
}
