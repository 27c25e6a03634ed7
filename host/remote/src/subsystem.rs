//! A channel with the server's SFTP program at its other end (RFC 4254 section 6.5), and the task that owns it.
//!
//! Like every channel it is always drained. Nothing waits in between: what comes was asked for, and whoever asked
//! bounded it.

use crate::connection::{Line, NotStarted};
use crate::sftp::{Frames, Greeting, Nonsense, Request, Table, Unsent, failure, late, nonsense};
use bytes::{Bytes, BytesMut};
use hostler_model::{ErrorKind, Failure, Phase};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Small requests are sent together, up to the size of OpenSSH's packets.
const PACKET: usize = 32 << 10;

/// Time in which the end of a connection shows, after that of its channels.
const MOMENT: Duration = Duration::from_millis(100);

/// How long the last bytes may take to leave, and then the server to close. If it does, russh forgets the channel;
/// if we close first, it never does.
const FAREWELL: Duration = Duration::from_secs(2);

/// The way from a client to the program.
pub(crate) struct Subsystem {
    pub(crate) line: Arc<Line>,
    /// Nothing more is to be sent.
    pub(crate) closing: CancellationToken,
    pub(crate) unsent: mpsc::UnboundedReceiver<Unsent>,
    pub(crate) table: Arc<Table>,
    /// The client is.
    pub(crate) gone: CancellationToken,
}

/// Why a channel came to its end.
enum End {
    /// The server closed it, or the connection is lost.
    Closed,
    /// The program says nothing more.
    Silent,
    /// The server has no such program.
    Refused,
    /// What it said made no sense.
    Nonsense(Nonsense),
    /// We have nothing more to say.
    Ours,
}

impl From<Nonsense> for End {
    fn from(nonsense: Nonsense) -> Self {
        Self::Nonsense(nonsense)
    }
}

type Greeted = oneshot::Sender<Result<Greeting, NotStarted>>;

impl Subsystem {
    /// Opens the channel, has the program started, tells `greeted` what it says of itself, and carries requests
    /// and answers until either side ends.
    pub(crate) async fn run(self, until: Instant, greeted: Greeted) {
        let Self { line, closing, unsent, table, gone } = self;
        let channel = match line.channel(until).await {
            Ok(channel) => channel,
            Err(error) => {
                let failure = error.map_or_else(late, |error| line.not_opened(&error, Phase::Transfer, "files"));
                return drop(greeted.send(Err(NotStarted::NoChannel(failure))));
            }
        };
        let (mut read, write) = channel.split();
        let mut greeted = Some(greeted);
        let end = tokio::select! {
            end = receive(&mut read, &table, &mut greeted) => end,
            () = async {
                closing.run_until_cancelled(send(unsent, &write)).await;
                let _connection_lost = write.eof().await;
                sleep(FAREWELL).await;
            } => End::Ours,
            // What the client had still to say must not wait for ever.
            () = async { gone.cancelled().await; sleep(2 * FAREWELL).await } => End::Ours,
        };
        let failure = reason(&line, &end).await;
        table.end(&failure);
        if let Some(greeted) = greeted {
            let _asker_gone = greeted.send(Err(failure.into()));
        }
        let closed = match end {
            End::Closed => true,
            End::Refused | End::Ours => false,
            End::Silent | End::Nonsense(_) => {
                let _sent = timeout(FAREWELL, write.eof()).await;
                timeout(FAREWELL, drain(&mut read)).await.is_ok()
            }
        };
        if !closed {
            let _sent = timeout(FAREWELL, write.close()).await;
        }
    }
}

/// Why nothing more will be answered.
async fn reason(line: &Line, end: &End) -> Failure {
    match end {
        _ if line.closing.is_cancelled() => failure(ErrorKind::InvalidRequest, "The session is closed: connect again."),
        End::Refused => {
            failure(ErrorKind::Unsupported, "The server offers no SFTP: allow it there, see `Subsystem` of sshd.")
        }
        End::Nonsense(what) => nonsense().with_detail(format_args!("it sent {what}")),
        _ if timeout(MOMENT, line.notes.ended.cancelled()).await.is_ok() => line.notes.lost(Phase::Transfer),
        _ => nonsense().with_detail("it broke off"),
    }
}

/// Hands out what the program says until it is over.
async fn receive(read: &mut ChannelReadHalf, table: &Table, greeted: &mut Option<Greeted>) -> End {
    let mut frames = Frames::default();
    loop {
        let data = match read.wait().await {
            Some(ChannelMsg::Data { data }) => data,
            Some(ChannelMsg::Failure) => return End::Refused,
            Some(ChannelMsg::Eof) => return End::Silent,
            Some(ChannelMsg::Close) | None => return End::Closed,
            Some(_) => continue,
        };
        if let Err(nonsense) = hand_out(&mut frames, data, table, greeted) {
            return End::Nonsense(nonsense);
        }
    }
}

fn hand_out(frames: &mut Frames, data: Bytes, table: &Table, greeted: &mut Option<Greeted>) -> Result<(), Nonsense> {
    frames.add(data);
    while let Some(packet) = frames.next()? {
        // Read first: if it is no greeting, whoever waits for one hears that.
        match greeted {
            Some(_) => {
                let greeting = Greeting::read(packet)?;
                let _asker_gone = greeted.take().map(|greeted| greeted.send(Ok(greeting)));
            }
            None => table.answer(packet)?,
        }
    }
    Ok(())
}

/// Asks for the program, greets it, and sends what is asked, until the client is gone.
async fn send(mut unsent: mpsc::UnboundedReceiver<Unsent>, write: &ChannelWriteHalf<Msg>) {
    // The server need not say that it has the program before it hears what for.
    if write.request_subsystem(true, "sftp").await.is_err() || write.data_bytes(Request::greeting()).await.is_err() {
        return;
    }
    let mut together = BytesMut::new();
    while let Some(next) = unsent.recv().await {
        let mut next = Some(next);
        while let Some(Unsent { frame, content, .. }) = next {
            together.extend_from_slice(&frame);
            if (!content.is_empty() || together.len() >= PACKET)
                && (write.data_bytes(together.split()).await.is_err() || write.data_bytes(content).await.is_err())
            {
                return;
            }
            next = unsent.try_recv().ok();
        }
        if write.data_bytes(together.split()).await.is_err() {
            return;
        }
    }
}

/// Takes what still comes until the server has closed the channel.
async fn drain(read: &mut ChannelReadHalf) {
    while !matches!(read.wait().await, Some(ChannelMsg::Close) | None) {}
}
