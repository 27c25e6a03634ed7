//! A channel as a stream of bytes (RFC 4254 section 5.2).
//!
//! A task of its own always drains the channel. Else a nested session that is busy writing would not
//! read, the session around it would wait to deliver to it, and the message that frees the write
//! would never be read.

use crate::algorithms::WINDOW;
use bytes::Bytes;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard, PollSender};

/// Bytes that may wait to be read. An honest server stays below it: it fills the windows of the ten channels that one
/// connection has by default, and no more.
const MAX_WAITING: usize = 12 * WINDOW as usize;

/// How long the task waits for the reader once that much waits; then it ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// One write is at most as long as OpenSSH's packets.
const CHUNK: usize = 32 << 10;

/// Chunks between the near end and the channel.
const CHUNKS: usize = 8;

/// How long the last bytes may take to leave, and then the other side to close. If it does, russh
/// forgets the channel; if we close first, it never does.
const FAREWELL: Duration = Duration::from_secs(2);

/// The near end of a channel. Dropping it closes the channel.
pub(crate) struct Stream {
    incoming: mpsc::UnboundedReceiver<Bytes>,
    /// What of the last incoming packet has not been read.
    rest: Bytes,
    room: Arc<Semaphore>,
    outgoing: PollSender<Bytes>,
    _gone: DropGuard,
}

impl Stream {
    /// The near end of `channel`, and the work that carries its bytes until either side ends.
    pub(crate) fn over(channel: Channel<Msg>) -> (Self, impl Future<Output = ()> + use<>) {
        let (delivery, incoming) = mpsc::unbounded_channel();
        let (outgoing, sending) = mpsc::channel(CHUNKS);
        let (room, gone) = (Arc::new(Semaphore::new(MAX_WAITING)), CancellationToken::new());
        let stream = Self {
            incoming,
            rest: Bytes::new(),
            room: room.clone(),
            outgoing: PollSender::new(outgoing),
            _gone: gone.clone().drop_guard(),
        };
        let carrying = async move {
            let (mut read, write) = channel.split();
            let closed = tokio::select! {
                closed = deliver(&mut read, delivery, &room) => closed,
                () = async {
                    send(sending, &write).await;
                    let _connection_lost = write.eof().await;
                    sleep(FAREWELL).await;
                } => false,
                // What the near end had still to say must not wait for ever.
                () = async { gone.cancelled().await; sleep(2 * FAREWELL).await } => false,
            };
            if !closed {
                let _sent = timeout(FAREWELL, write.close()).await;
            }
        };
        (stream, carrying)
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
}

impl AsyncRead for Stream {
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

impl AsyncWrite for Stream {
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
