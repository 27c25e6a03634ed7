//! Channels for sessions (RFC 4254 section 6.1).

use crate::connection::Line;
use hostler_model::{ErrorKind, Failure, Phase};
use russh::client::Msg;
use russh::{Channel, ChannelOpenFailure};
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// Opens a channel; none if that takes too long.
pub(crate) async fn open(line: &Arc<Line>, deadline: Instant) -> Result<Option<Channel<Msg>>, Failure> {
    let asker = line.clone();
    let mut opening = Box::pin(async move { asker.handle.channel_open_session().await });
    if let Ok(opened) = timeout_at(deadline, &mut opening).await {
        return opened.map(Some).map_err(|error| not_opened(line, &error));
    }
    // The server would keep a channel that opens when nobody waits any more.
    line.pumps.spawn(async move {
        if let Ok(channel) = opening.await {
            let _closed = channel.split().1.close().await;
        }
    });
    Ok(None)
}

fn not_opened(line: &Line, error: &russh::Error) -> Failure {
    let russh::Error::ChannelOpenFailure(reason) = error else { return line.notes.lost(Phase::Exec) };
    let reason = match reason {
        ChannelOpenFailure::AdministrativelyProhibited => "it is prohibited",
        ChannelOpenFailure::ConnectFailed => "it has no room, see MaxSessions of sshd",
        ChannelOpenFailure::UnknownChannelType => "it knows no sessions",
        ChannelOpenFailure::ResourceShortage => "it lacks resources",
        ChannelOpenFailure::Other { .. } => "it gave no known reason",
    };
    let message = format!("The server opened no channel for the command: {reason}.");
    Failure::new(ErrorKind::ExecRefused, Phase::Exec, message).with_detail(error)
}
