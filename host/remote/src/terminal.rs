//! The task behind a shell. It owns the channel from opening to close and always drains it, whether or not
//! anybody listens.

use crate::connection::{Line, NotStarted};
use crate::dialogue::Refusal;
use crate::process::Control;
use crate::running::{Over, Running};
use crate::{Event, Keys, ShellRequest};
use hostler_model::{ErrorKind, Failure, Phase};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// A shell that is to be opened, where its events go, and where its keys come from.
pub(crate) struct Terminal {
    pub(crate) line: Arc<Line>,
    pub(crate) request: ShellRequest,
    pub(crate) events: mpsc::UnboundedSender<Event>,
    pub(crate) keys: mpsc::Receiver<Keys>,
    pub(crate) control: Control,
}

impl Terminal {
    /// Opens a channel and the shell, tells `started`, and passes on until the end.
    pub(crate) async fn run(self, started: oneshot::Sender<Result<(), NotStarted>>) {
        let deadline = Instant::now() + self.request.timeout;
        let mut running = match self.begin().await {
            Ok(running) => running,
            Err(not_started) => return drop(started.send(Err(not_started))),
        };
        // If whoever asked has given up, the events have no receiver either.
        let _asker_gone = started.send(Ok(()));
        let _writer = running.obey(self.keys);
        let unwanted = async {
            tokio::select! {
                () = self.events.closed() => {}
                () = self.line.closing.cancelled() => {}
            }
        };
        let last = tokio::select! {
            over = running.forward(deadline) => match over {
                Over::Ended(exit) => Event::Ended(Ok(exit)),
                Over::Lost => Event::Ended(Err(self.line.notes.lost(Phase::Exec))),
                Over::Late | Over::Insists => Event::Ended(Err(open_too_long(self.request.timeout))),
            },
            // Nobody can tell what becomes of it once the server hangs up.
            () = unwanted => Event::Stopped { confirmed: false },
        };
        running.send(last);
        running.close().await;
    }

    async fn begin(&self) -> Result<Running, NotStarted> {
        let slow = || no_shell(self.request.open_timeout);
        let deadline = Instant::now() + self.request.open_timeout;
        let channel = self.line.channel(deadline).await.map_err(|error| {
            NotStarted::NoChannel(
                error.map_or_else(slow, |error| self.line.not_opened(&error, Phase::Exec, "the shell")),
            )
        })?;
        let (events, backlog) = (self.events.clone(), self.control.backlog.clone());
        let mut running = Running::new(channel, self.line.user.clone(), events, backlog);
        let refusal = match timeout_at(deadline, running.start_shell(&self.request)).await {
            Ok(Ok(())) => return Ok(running),
            Ok(Err(Some(Refusal::Failure(failure)))) => failure,
            Ok(Err(_)) => self.line.notes.lost(Phase::Exec),
            Err(_) => slow(),
        };
        running.close().await;
        Err(NotStarted::Failed(refusal))
    }
}

fn no_shell(time: Duration) -> Failure {
    let message = format!("The server gave no shell within {} seconds: check its load.", time.as_secs_f64());
    Failure::new(ErrorKind::Timeout, Phase::Exec, message)
}

fn open_too_long(time: Duration) -> Failure {
    let message = format!("The shell was closed because it was open for {} seconds.", time.as_secs_f64());
    Failure::new(ErrorKind::Timeout, Phase::Exec, message)
}
