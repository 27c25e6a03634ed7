//! A stream through a jump host: a `direct-tcpip` channel (RFC 4254 section 7.2).
//!
//! A task of its own always drains the channel. Else a nested session that is busy writing would not
//! read, the jump host's session would wait to deliver to it, and the message that frees the write
//! would never be read.

use crate::handshake::Verifier;
use crate::link::Link;
use bytes::Bytes;
use hostler_model::{ErrorKind, Failure, Phase, Target};
use russh::client::{Handle, Msg};
use russh::{ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard, PollSender};

/// Bytes that may wait to be read. The windows of the nested session keep an honest server below it.
const MAX_WAITING: usize = 64 << 20;

/// How long the tunnel waits for its reader once that much waits; then it ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// One write is at most as long as OpenSSH's packets.
const CHUNK: usize = 32 << 10;

/// Chunks between the nested session and the channel.
const CHUNKS: usize = 8;

/// How long the last bytes may take to leave, and then the other side to close. If it does, russh
/// forgets the channel; if we close first, it never does.
const FAREWELL: Duration = Duration::from_secs(2);

/// The near end of a tunnel. Dropping it closes the channel.
pub(crate) struct Tunnel {
    incoming: mpsc::UnboundedReceiver<Bytes>,
    /// What of the last incoming packet has not been read.
    rest: Bytes,
    room: Arc<Semaphore>,
    outgoing: PollSender<Bytes>,
    _gone: DropGuard,
}

impl Tunnel {
    /// Has `jump` connect to `target`. Dropping the future leaves no channel behind.
    pub(crate) async fn open(jump: &Link, target: &Target, deadline: Instant) -> Result<Self, Failure> {
        let (opened, tunnel) = oneshot::channel();
        // The task owns the channel from the start: one that opens late must be closed all the same.
        tokio::spawn(carry(jump.handle.clone(), target.host.clone(), target.port, opened));
        match timeout_at(deadline, tunnel).await {
            Ok(Ok(Ok(tunnel))) => Ok(tunnel),
            Ok(Ok(Err(error))) => Err(on_the_way(&jump.target, not_opened(&error, jump, target))),
            Ok(Err(_)) => Err(on_the_way(&jump.target, jump.notes.lost(Phase::Connect))),
            Err(_) => Err(on_the_way(
                &jump.target,
                failure(
                    ErrorKind::Timeout,
                    format!(
                        "It did not connect to `{}` port {} in time: check the way from there, or raise `timeout`.",
                        target.host, target.port
                    ),
                ),
            )),
        }
    }
}

/// Says at which jump host something failed.
pub(crate) fn on_the_way(jump: &Target, failure: Failure) -> Failure {
    let message = format!("On the way, at jump host `{}` port {}: {}", jump.host, jump.port, failure.message);
    Failure { message, ..failure }
}

fn failure(kind: ErrorKind, message: String) -> Failure {
    Failure::new(kind, Phase::Connect, message)
}

fn not_opened(error: &russh::Error, jump: &Link, target: &Target) -> Failure {
    let russh::Error::ChannelOpenFailure(reason) = error else { return jump.notes.lost(Phase::Connect) };
    let place = format!("`{}` port {}", target.host, target.port);
    let (kind, message) = match reason {
        ChannelOpenFailure::ConnectFailed => (
            ErrorKind::Unreachable,
            format!("It cannot connect to {place}: check that name, the port and the SSH server there."),
        ),
        ChannelOpenFailure::AdministrativelyProhibited => (
            ErrorKind::Denied,
            format!(
                "It does not allow a tunnel to {place}: allow it there, see AllowTcpForwarding and PermitOpen of sshd."
            ),
        ),
        ChannelOpenFailure::UnknownChannelType => {
            (ErrorKind::Unsupported, "It knows no tunnels: use a jump host whose SSH server forwards TCP.".to_owned())
        }
        ChannelOpenFailure::ResourceShortage | ChannelOpenFailure::Other { .. } => {
            (ErrorKind::Busy, format!("It has no room for a tunnel to {place}: try again later."))
        }
    };
    failure(kind, message).with_detail(error)
}

/// Opens the channel and carries bytes both ways until either side ends.
async fn carry(
    jump: Arc<Handle<Verifier>>,
    host: String,
    port: u16,
    opened: oneshot::Sender<Result<Tunnel, russh::Error>>,
) {
    let channel = match jump.channel_open_direct_tcpip(host, port.into(), "127.0.0.1", 0).await {
        Ok(channel) => channel,
        Err(error) => return drop(opened.send(Err(error))),
    };
    let (delivery, incoming) = mpsc::unbounded_channel();
    let (outgoing, sending) = mpsc::channel(CHUNKS);
    let (room, gone) = (Arc::new(Semaphore::new(MAX_WAITING)), CancellationToken::new());
    let tunnel = Tunnel {
        incoming,
        rest: Bytes::new(),
        room: room.clone(),
        outgoing: PollSender::new(outgoing),
        _gone: gone.clone().drop_guard(),
    };
    // If nobody wants it any more, it is dropped here, which is what ends the transport.
    drop(opened.send(Ok(tunnel)));
    let (mut read, write) = channel.split();
    let closed = tokio::select! {
        closed = deliver(&mut read, delivery, &room) => closed,
        () = async { send(sending, &write).await; sleep(FAREWELL).await } => false,
        // What the near end had still to say must not wait for ever.
        () = async { gone.cancelled().await; sleep(2 * FAREWELL).await } => false,
    };
    if !closed {
        let _sent = timeout(FAREWELL, write.close()).await;
    }
}

/// Takes what comes until the channel is over. Gives `false` if nobody reads it.
async fn deliver(read: &mut ChannelReadHalf, delivery: mpsc::UnboundedSender<Bytes>, room: &Semaphore) -> bool {
    let mut delivery = Some(delivery);
    loop {
        match read.wait().await {
            Some(ChannelMsg::Data { data }) => {
                let Some(reader) = &delivery else { continue };
                let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
                let Ok(Ok(permit)) = timeout(PATIENCE, room.acquire_many(size)).await else { return false };
                permit.forget();
                if reader.send(data).is_err() {
                    delivery = None;
                }
            }
            Some(ChannelMsg::Eof) => delivery = None,
            Some(ChannelMsg::Close) | None => return true,
            Some(_) => {}
        }
    }
}

/// Sends what the near end writes, until it is done.
async fn send(mut sending: mpsc::Receiver<Bytes>, write: &ChannelWriteHalf<Msg>) {
    while let Some(data) = sending.recv().await {
        if write.data_bytes(data).await.is_err() {
            return;
        }
    }
    let _connection_lost = write.eof().await;
}

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.incoming.poll_recv(cx)) {
                Some(data) => self.rest = data,
                None => return Poll::Ready(Ok(())),
            }
        }
        let size = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest.split_to(size));
        self.room.add_permits(size);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let over = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        ready!(self.outgoing.poll_reserve(cx)).map_err(over)?;
        let size = data.len().min(CHUNK);
        self.outgoing.send_item(Bytes::copy_from_slice(&data[..size])).map_err(over)?;
        Poll::Ready(Ok(size))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.close();
        Poll::Ready(Ok(()))
    }
}
