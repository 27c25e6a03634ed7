//! One authenticated connection.

use crate::handshake::{Notes, Verifier};
use crate::process::Control;
use crate::pump::Pump;
use crate::{Exec, Process, Session};
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{Failure, Phase};
use russh::Disconnect;
use russh::client::Handle;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the good-bye waits for running commands to be stopped: as long as stopping one takes.
const LAST_ORDERS: Duration = Duration::from_secs(6);

/// The real session.
pub(crate) struct Connection(Arc<Line>);

/// What a session shares with the pumps of its commands.
pub(crate) struct Line {
    pub(crate) handle: Handle<Verifier>,
    /// Who logged in.
    pub(crate) user: Arc<str>,
    pub(crate) notes: Arc<Notes>,
    /// The session is over: every pump stops its command.
    pub(crate) closing: CancellationToken,
    pub(crate) pumps: TaskTracker,
}

impl Connection {
    pub(crate) fn new(handle: Handle<Verifier>, user: &str, notes: Arc<Notes>) -> Self {
        Self(Arc::new(Line {
            handle,
            user: user.into(),
            notes,
            closing: CancellationToken::new(),
            pumps: TaskTracker::new(),
        }))
    }
}

impl Line {
    /// Stops what runs, says good-bye, and ends the connection.
    async fn close(&self) {
        self.closing.cancel();
        self.pumps.close();
        let _stopped = timeout(LAST_ORDERS, self.pumps.wait()).await;
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "done", "en");
        let _said = timeout(Duration::from_secs(1), goodbye).await;
    }
}

impl Session for Connection {
    fn start(&self, exec: Exec) -> BoxFuture<'_, Result<Process, Failure>> {
        async move {
            exec.check(&self.0.user)?;
            let (events, receiver) = mpsc::unbounded_channel();
            let (started, answer) = oneshot::channel();
            let control = Control::default();
            let pump = Pump::new(self.0.clone(), exec, events, control.clone());
            // From here on the task owns the channel, so that whoever gives up leaves none behind.
            self.0.pumps.spawn(pump.run(started));
            answer.await.unwrap_or_else(|_| Err(self.0.notes.lost(Phase::Exec)))?;
            Ok(Process::controlled(receiver, control))
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close().boxed()
    }

    fn warnings(&self) -> Vec<String> {
        self.0.notes.warnings()
    }

    fn reused(&self) -> bool {
        false
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Without a runtime there is no connection any more either.
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && !self.0.closing.is_cancelled()
        {
            let line = self.0.clone();
            runtime.spawn(async move { line.close().await });
        }
    }
}
