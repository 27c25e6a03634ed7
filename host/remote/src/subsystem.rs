//! A channel with the server's SFTP program at its other end (RFC 4254 section 6.5).

use crate::connection::{Line, NotStarted};
use crate::sftp::{failure, late};
use crate::stream::Stream;
use hostler_model::{ErrorKind, Phase};
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

/// Time for the last word to a server that has no such program.
const GOODBYE: Duration = Duration::from_millis(100);

/// Has the server start the program. Dropping the future leaves no channel behind.
pub(crate) async fn start(line: &Arc<Line>, until: Instant) -> Result<Stream, NotStarted> {
    let (opened, stream) = oneshot::channel();
    // From here on the task owns the channel.
    line.pumps.spawn(carry(line.clone(), until, opened));
    stream.await.unwrap_or_else(|_| Err(line.notes.lost(Phase::Transfer).into()))
}

/// Opens the channel, hands its near end over, and carries its bytes.
async fn carry(line: Arc<Line>, until: Instant, opened: oneshot::Sender<Result<Stream, NotStarted>>) {
    match begin(&line, until).await {
        Ok(channel) => {
            let (stream, carrying) = Stream::over(channel, line.closing.clone());
            // If nobody wants it any more, it is dropped here, which is what closes the channel.
            drop(opened.send(Ok(stream)));
            carrying.await;
        }
        Err(not_started) => drop(opened.send(Err(not_started))),
    }
}

/// Opens the channel and asks for the program.
async fn begin(line: &Line, until: Instant) -> Result<Channel<Msg>, NotStarted> {
    let mut channel = line.channel(until).await.map_err(|error| {
        NotStarted::NoChannel(error.map_or_else(late, |error| line.not_opened(&error, Phase::Transfer, "files")))
    })?;
    let asked = line.closing.run_until_cancelled(has_subsystem(&mut channel));
    let refusal = match timeout_at(until, asked).await.map(Option::flatten) {
        Ok(Some(true)) => return Ok(channel),
        Ok(Some(false)) => {
            failure(ErrorKind::Unsupported, "The server offers no SFTP: allow it there, see `Subsystem` of sshd.")
        }
        Ok(None) => line.notes.lost(Phase::Transfer),
        Err(_) => late(),
    };
    let _sent = timeout(GOODBYE, channel.close()).await;
    Err(refusal.into())
}

/// Asks for the program; gives the server's answer, `None` if it went away.
async fn has_subsystem(channel: &mut Channel<Msg>) -> Option<bool> {
    channel.request_subsystem(true, "sftp").await.ok()?;
    loop {
        match channel.wait().await? {
            ChannelMsg::Success => return Some(true),
            ChannelMsg::Failure => return Some(false),
            ChannelMsg::Close => return None,
            _ => {}
        }
    }
}
