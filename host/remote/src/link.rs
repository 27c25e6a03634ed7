//! One authenticated connection to a server: the last leg of the way there.

use crate::handshake::{Notes, Verifier};
use crate::pool::Lease;
use hostler_model::Target;
use russh::Disconnect;
use russh::client::Handle;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime;
use tokio::time::timeout;

/// How long each half of a good-bye may take: to say it, and to be let go.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long a connection that was idle may take to show that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// Sessions and tunnels of any number of requests run over it.
pub(crate) struct Link {
    pub(crate) target: Target,
    pub(crate) handle: Arc<Handle<Verifier>>,
    pub(crate) notes: Arc<Notes>,
    /// Where all that belongs to it is done.
    pub(crate) runtime: runtime::Handle,
    /// The jump host that carries it, which must stay for as long as this does.
    pub(crate) via: Option<Lease>,
}

impl Link {
    /// What the client should know about it and about the way to it.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.via.as_ref().map_or_else(Vec::new, |via| via.link.warnings());
        warnings.extend(self.notes.warnings());
        warnings
    }

    /// Whether the server still answers.
    pub(crate) async fn answers(&self) -> bool {
        // russh also ends the wait when the connection does.
        let answered = timeout(SIGN_OF_LIFE, self.handle.send_ping()).await;
        matches!(answered, Ok(Ok(()))) && !self.handle.is_closed()
    }

    /// Says good-bye and waits until the connection has ended.
    pub(crate) async fn close(&self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "done", "en");
        let _said = timeout(GOODBYE, goodbye).await;
        let _ended = timeout(GOODBYE, self.notes.ended.cancelled()).await;
    }
}
