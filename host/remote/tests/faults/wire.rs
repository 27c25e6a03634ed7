//! What listens is no SSH server, or one that breaks off or never comes to the point.

use crate::leftovers::Leftovers;
use crate::server::{Server, connect};
use crate::{is, refusal};
use hostler_model::{ErrorKind, Phase};
use hostler_remote::{Connect, Connector};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const IDENTIFICATION: &[u8] = b"SSH-2.0-Nonsense\r\n";

#[derive(Clone, Copy)]
enum Speech {
    Nothing,
    Ends,
    Web,
    LineWithoutEnd,
    LinesWithoutEnd,
    SilenceInKex,
    EndsInKex,
    GarbageInKex,
}

/// Says that to everybody who comes, one after the other, until it is enough.
async fn saying(speech: Speech, enough: CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move {
        while let Some(accepted) = enough.run_until_cancelled(listener.accept()).await {
            let (mut stream, _) = accepted.expect("accept");
            assert!(stream.read(&mut [0; 512]).await.expect("greeting") > 0);
            // It ends when the other side hangs up.
            let _hung_up = say(speech, &mut stream).await;
        }
    });
    address
}

async fn say(speech: Speech, stream: &mut TcpStream) -> std::io::Result<()> {
    match speech {
        Speech::Nothing => listen(stream).await,
        Speech::Ends => Ok(()),
        Speech::Web => stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await,
        Speech::LineWithoutEnd => loop {
            stream.write_all(&[b'x'; 4096]).await?;
        },
        Speech::LinesWithoutEnd => loop {
            stream.write_all(b"Welcome! You are caller number 0 in the queue.\r\n").await?;
        },
        Speech::SilenceInKex => {
            stream.write_all(IDENTIFICATION).await?;
            listen(stream).await
        }
        Speech::EndsInKex => {
            stream.write_all(IDENTIFICATION).await?;
            stream.write_all(&[0, 0, 4, 0, 8, 20]).await
        }
        Speech::GarbageInKex => {
            stream.write_all(IDENTIFICATION).await?;
            stream.write_all(&[0xff; 4096]).await?;
            listen(stream).await
        }
    }
}

async fn listen(stream: &mut TcpStream) -> std::io::Result<()> {
    while stream.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

#[tokio::test]
async fn each_nonsense_is_told_in_time_and_leaves_nothing() {
    let server = Server::start().await;
    for (speech, kind, words) in [
        (Speech::Nothing, ErrorKind::Timeout, "did not greet us in time"),
        (Speech::Ends, ErrorKind::ConnectionLost, "before it greeted"),
        (Speech::Web, ErrorKind::Protocol, "HTTP/1.1 400 Bad Request"),
        (Speech::LineWithoutEnd, ErrorKind::Protocol, "no SSH server"),
        (Speech::LinesWithoutEnd, ErrorKind::Protocol, "You are caller number 0"),
        (Speech::EndsInKex, ErrorKind::ConnectionLost, "key exchange"),
        (Speech::GarbageInKex, ErrorKind::Protocol, "key exchange"),
    ] {
        check(&server, speech, kind, words).await;
    }
}

async fn check(server: &Server, speech: Speech, kind: ErrorKind, words: &str) {
    let leftovers = Leftovers::before();
    let enough = CancellationToken::new();
    let address = saying(speech, enough.clone()).await;
    let start = Instant::now();
    let asked = Connect { banner_timeout: Duration::from_millis(500), ..connect(address, "user") };
    is(&refusal(server, asked).await, kind, Phase::Connect, words);
    assert!(start.elapsed() < Duration::from_secs(5), "{words}: {:?}", start.elapsed());
    enough.cancel();
    leftovers.none(address).await;
}

/// By then russh has a task of its own for the connection.
#[tokio::test]
async fn silence_in_the_key_exchange_is_told_in_time_and_leaves_nothing() {
    check(&Server::start().await, Speech::SilenceInKex, ErrorKind::Timeout, "did not finish the key exchange").await;
}

#[tokio::test]
async fn only_old_algorithms_are_named() {
    let server = Server::outdated().await;
    let leftovers = Leftovers::before();
    let failure = refusal(&server, server.connect("user")).await;
    is(&failure, ErrorKind::Protocol, Phase::Connect, "`diffie-hellman-group1-sha1`");
    leftovers.none(server.address).await;
}

#[tokio::test]
async fn what_means_something_to_a_shell_or_a_file_is_no_host_name() {
    let server = Server::start().await;
    for host in
        ["", "a b", "$(id)", "a;id", "a\nb", "-oProxyCommand=id", "a,b", "*", "|1|a|b", "[a]:22", "user@a", "a/b"]
    {
        let resolved = server.engine().resolve(host, 22, Duration::from_secs(5)).await;
        if host.starts_with('-') {
            // Nothing of ours is a command line, so it is merely a name that nobody has.
            assert!(resolved.is_err(), "{host}");
            continue;
        }
        is(&resolved.expect_err(host), ErrorKind::InvalidRequest, Phase::Connect, "is no host name");
        let mut request = server.connect("user");
        request.target.host = host.into();
        is(&refusal(&server, request).await, ErrorKind::InvalidRequest, Phase::Connect, "is no host name");
    }
    assert_eq!(server.known_hosts(), "", "nothing of it reached the record");
}
