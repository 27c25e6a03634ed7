//! How a channel for a session is opened (RFC 4254 section 6.1).

use crate::connection::Line;
use hostler_model::{ErrorKind, Failure, Phase};
use russh::client::Msg;
use russh::{Channel, ChannelOpenFailure};
use tokio::time::{Instant, timeout_at};

impl Line {
    /// Opens a channel. Fails with what the server said, or with `None` if it said nothing until then. The
    /// future must not be dropped: the server would keep the channel.
    pub(crate) async fn channel(&self, until: Instant) -> Result<Channel<Msg>, Option<russh::Error>> {
        let handle = self.handle.clone();
        let mut opening = Box::pin(async move { handle.channel_open_session().await });
        if let Ok(opened) = timeout_at(until, &mut opening).await {
            return opened.map_err(Some);
        }
        // The server would keep a channel that opens when nobody waits any more.
        self.spawn(async move {
            if let Ok(channel) = opening.await {
                let _closed = channel.split().1.close().await;
            }
        });
        Err(None)
    }

    /// Why there is no channel for `what`.
    pub(crate) fn not_opened(&self, error: &russh::Error, phase: Phase, what: &str) -> Failure {
        let russh::Error::ChannelOpenFailure(reason) = error else { return self.notes.lost(phase) };
        let reason = match reason {
            ChannelOpenFailure::AdministrativelyProhibited => "it is prohibited",
            ChannelOpenFailure::ConnectFailed => "it has no room, see MaxSessions of sshd",
            ChannelOpenFailure::UnknownChannelType => "it knows no sessions",
            ChannelOpenFailure::ResourceShortage => "it lacks resources",
            ChannelOpenFailure::Other { .. } => "it gave no known reason",
        };
        let message = format!("The server opened no channel for {what}: {reason}.");
        Failure::new(ErrorKind::ExecRefused, phase, message).with_detail(error)
    }
}
