//! Name look-up and TCP.

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use hostler_model::{ErrorKind, Failure, Phase, Target};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// How long one address may keep silent before the next is tried beside it (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// russh reads each packet in two small parts: this saves most of the system calls. Every connection has one as long as it
/// lives, so it is no longer than most of what commands write.
pub(crate) const READ_BUFFER: usize = 8 << 10;

/// The same where files are moved: two of the largest packets.
pub(crate) const BULK_READ_BUFFER: usize = 64 << 10;

/// What is remembered of the first bytes: as much as an identification string may have (RFC 4253 section 4.2).
const MAX_GREETING: usize = 255;

/// Look-ups at once. The system's resolver holds a thread of those for blocking work for each, whoever still waits for it.
const MAX_LOOK_UPS: usize = 64;

static LOOK_UPS: Semaphore = Semaphore::const_new(MAX_LOOK_UPS);

/// A failure of this step.
fn failure(kind: ErrorKind, message: String) -> Failure {
    Failure::new(kind, Phase::Connect, message)
}

/// Refuses host names that cannot be ones, or that would mean something else in `known_hosts`.
pub(crate) fn check_host(host: &str) -> Result<(), Failure> {
    let usual = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || host.len() > 255 || !host.chars().all(usual) {
        return Err(failure(
            ErrorKind::InvalidRequest,
            format!("`{}` is no host name: give a name or an IP address.", host.escape_debug()),
        ));
    }
    Ok(())
}

/// All addresses of a host, in the order to try them. A literal address needs no network.
pub(crate) async fn resolve(host: &str, port: u16, patience: Duration) -> Result<Vec<SocketAddr>, Failure> {
    check_host(host)?;
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let unknown =
        || failure(ErrorKind::UnknownHost, format!("The name `{host}` does not resolve: check `host` and the DNS."));
    let name = (host.to_owned(), port);
    let looking_up = in_turn(&LOOK_UPS, async move { lookup_host(name).await.map(Vec::from_iter) });
    match timeout(patience, looking_up).await {
        Err(_) => Err(failure(
            ErrorKind::Timeout,
            format!("Looking up `{host}` took too long: check the DNS, or raise `timeout`."),
        )),
        Ok(Err(error)) => Err(unknown().with_detail(error)),
        Ok(Ok(found)) => {
            let mut addresses = Vec::new();
            for address in found {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            if addresses.is_empty() { Err(unknown()) } else { Ok(addresses) }
        }
    }
}

/// Does it when it has a turn, which it keeps until it is done, also if nobody waits for it any more.
async fn in_turn<T: Send + 'static>(
    turns: &'static Semaphore,
    work: impl Future<Output = io::Result<T>> + Send + 'static,
) -> io::Result<T> {
    let turn = turns.acquire().await.map_err(io::Error::other)?;
    let working = tokio::spawn(async move {
        let _turn = turn;
        work.await
    });
    working.await.map_err(io::Error::other)?
}

/// Opens TCP with the first address that answers: the next is tried when one fails or is slow. `buffer` is how many bytes
/// are read at once.
pub(crate) async fn dial(
    target: &Target,
    addresses: &[SocketAddr],
    buffer: usize,
    deadline: Instant,
) -> Result<Wire, Failure> {
    match timeout_at(deadline, race(addresses)).await {
        Ok(Ok(stream)) => Ok(Wire::new(BufReader::with_capacity(buffer, stream))),
        Ok(Err(error)) => Err(explain(&error, target)),
        Err(_) => Err(explain(&io::ErrorKind::TimedOut.into(), target)),
    }
}

async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = addresses.iter();
    let mut running = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        running.extend(waiting.next().map(|&address| open(address)));
        tokio::select! {
            result = running.next() => match result {
                Some(Ok(stream)) => return Ok(stream),
                // A refusal says more than silence does: somebody is there.
                Some(Err(error)) if first_error.is_none() || error.kind() == io::ErrorKind::ConnectionRefused => {
                    first_error = Some(error);
                }
                Some(Err(_)) => {}
                None => return Err(first_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
            },
            () = sleep(STAGGER), if waiting.len() > 0 => {}
        }
    }
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_mins(1)).with_interval(Duration::from_secs(10)).with_retries(3);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

fn explain(error: &io::Error, target: &Target) -> Failure {
    let (host, port) = (&target.host, target.port);
    let (kind, message) = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            (ErrorKind::Refused, format!("Nobody listens at port {port} of `{host}`: check `port` and the SSH server."))
        }
        io::ErrorKind::TimedOut => (
            ErrorKind::Timeout,
            format!("`{host}` did not answer at port {port} in time: check the network, or raise `timeout`."),
        ),
        _ => (
            ErrorKind::Unreachable,
            format!("The network does not reach `{host}` at port {port}: check the address and the route."),
        ),
    };
    failure(kind, message).with_detail(error)
}

/// A stream to a server, which remembers what the server said first.
pub(crate) struct Wire {
    stream: Pin<Box<dyn Stream>>,
    greeting: Greeting,
    given_up: CancellationToken,
    giving_up: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// The first bytes from the server, for the sentence that is due when it turns out not to be SSH.
pub(crate) type Greeting = Arc<OnceLock<Vec<u8>>>;

/// TCP, or a tunnel.
trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

impl Wire {
    pub(crate) fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let given_up = CancellationToken::new();
        let giving_up = Box::pin(given_up.clone().cancelled_owned());
        Self { stream: Box::pin(stream), greeting: Greeting::default(), given_up, giving_up }
    }

    /// Ends the stream when it is dropped: russh reads in a task of its own, which nobody else can end
    /// before the keys are exchanged.
    pub(crate) fn end_on_drop(&self) -> DropGuard {
        self.given_up.clone().drop_guard()
    }

    pub(crate) fn greeting(&self) -> Greeting {
        self.greeting.clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.giving_up.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let result = self.stream.as_mut().poll_read(cx, buffer);
        let new = &buffer.filled()[before..];
        if !new.is_empty() {
            self.greeting.get_or_init(|| new[..new.len().min(MAX_GREETING)].to_vec());
        }
        result
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[test]
    fn names_that_could_forge_a_record_are_refused() {
        for bad in ["", "a b", "a\n", "a\0", "a,b", "*", "?", "!a", "#a", "a|b", "[a]", "@revoked", "a/b"] {
            assert_eq!(check_host(bad).expect_err(bad).kind, ErrorKind::InvalidRequest);
        }
        for good in ["host.example", "10.0.0.1", "fe80::1%eth0", "bücher.example", "a_b-c"] {
            check_host(good).expect(good);
        }
    }

    #[tokio::test]
    async fn literal_addresses_need_no_network() {
        let found = resolve("2001:db8::1", 22, Duration::ZERO).await.expect("literal");
        assert_eq!(found, ["[2001:db8::1]:22".parse().expect("address")]);
    }

    #[tokio::test]
    async fn a_look_up_that_hangs_keeps_its_turn_though_nobody_waits_for_it() {
        static TURNS: Semaphore = Semaphore::const_new(1);
        let (answer, answered) = oneshot::channel::<()>();
        let hanging = in_turn(&TURNS, async move { answered.await.map_err(io::Error::other) });
        assert!(timeout(Duration::from_millis(10), hanging).await.is_err());
        let next = || in_turn(&TURNS, async { Ok(()) });
        assert!(timeout(Duration::from_millis(10), next()).await.is_err());
        answer.send(()).expect("it still waits");
        next().await.expect("its turn");
    }
}
