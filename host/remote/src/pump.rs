//! The task behind a running command. It owns the channel (RFC 4254 section 6) from opening to
//! close, and sees to it that the command ends: by itself, in time, or stopped.

use crate::connection::{Line, NotStarted};
use crate::dialogue::Refusal;
use crate::line::quoted;
use crate::process::Control;
use crate::running::{Over, Running};
use crate::{Event, Exec};
use futures::FutureExt;
use hostler_model::{ErrorKind, Exit, Failure, Phase};
use russh::Channel;
use russh::client::Msg;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// Time in which a process group is stopped over a channel of its own: its script takes 3 s at most.
const STOPPING: Duration = Duration::from_secs(5);

/// Time for a command's channel to show that the command was stopped.
const SHOWING: Duration = Duration::from_secs(1);

/// A command that is to run, and where its events go.
pub(crate) struct Pump {
    line: Arc<Line>,
    exec: Exec,
    deadline: Instant,
    events: mpsc::UnboundedSender<Event>,
    control: Control,
}

impl Pump {
    pub(crate) fn new(line: Arc<Line>, exec: Exec, events: mpsc::UnboundedSender<Event>, control: Control) -> Self {
        let deadline = Instant::now() + exec.timeout;
        Self { line, exec, deadline, events, control }
    }

    /// Opens a channel, starts the command, tells `started`, and forwards until the end.
    pub(crate) async fn run(self, started: oneshot::Sender<Result<(), NotStarted>>) {
        match self.begin().await {
            Ok(mut running) => {
                // If whoever asked has given up, the events have no receiver either.
                let _asker_gone = started.send(Ok(()));
                let last = self.watch(&mut running).await;
                running.send(last);
                running.close().await;
            }
            Err(not_started) => drop(started.send(Err(not_started))),
        }
    }

    /// A command that runs.
    async fn begin(&self) -> Result<Running, NotStarted> {
        let mut pty = self.exec.pty;
        loop {
            let mut running = self.open().await?;
            if self.unwanted().now_or_never().is_some() {
                running.close().await;
                return Err(session_closed("it had not been started").into());
            }
            let refusal = tokio::select! {
                begun = timeout_at(self.deadline, running.start(&self.exec, pty)) => match begun {
                    Ok(Ok(())) => return Ok(running),
                    Ok(Err(refusal)) => refusal.unwrap_or_else(|| Refusal::Failure(self.line.notes.lost(Phase::Exec))),
                    // The server did not say whether it runs: better stop it.
                    Err(_) => Refusal::Failure(self.late(words(self.stop(&mut running).await))),
                },
                () = self.unwanted() => Refusal::Failure(session_closed(words(self.stop(&mut running).await))),
            };
            running.close().await;
            let message = match refusal {
                Refusal::Failure(failure) => return Err(NotStarted::Failed(failure)),
                Refusal::NeedsTerminal if pty => {
                    "sudo does not take our terminal for one: check `requiretty` in the server's sudoers."
                }
                // A terminal cuts long lines, and takes some characters for keys.
                Refusal::NeedsTerminal if self.exec.stdin.is_some() => {
                    "sudo wants a terminal, which no script can be typed into: give commands instead, or lift \
                     `requiretty` in the server's sudoers."
                }
                // sudo has run nothing yet, so it may be asked again.
                Refusal::NeedsTerminal => {
                    pty = true;
                    continue;
                }
            };
            return Err(Failure::new(ErrorKind::ElevationFailed, Phase::Exec, message).into());
        }
    }

    async fn open(&self) -> Result<Running, NotStarted> {
        match self.line.channel(self.deadline).await {
            Ok(channel) => {
                let user = self.line.user.clone();
                Ok(Running::new(channel, user, self.events.clone(), self.control.backlog.clone()))
            }
            Err(Some(error)) => Err(NotStarted::NoChannel(self.line.not_opened(&error, Phase::Exec, "the command"))),
            Err(None) => Err(NotStarted::NoChannel(self.late("it had not been started"))),
        }
    }

    /// Waits until nobody wants the command any more. Whoever gives its start up drops the receiver of its events, too.
    async fn unwanted(&self) {
        tokio::select! {
            () = self.control.stop.cancelled() => {}
            () = self.events.closed() => {}
            () = self.line.closing.cancelled() => {}
        }
    }

    /// Forwards until the command ended, its time is up, or nobody wants it any more.
    async fn watch(&self, running: &mut Running) -> Event {
        let over = tokio::select! {
            over = running.forward(self.deadline) => over,
            () = self.unwanted() => return Event::Stopped { confirmed: self.stop(running).await },
        };
        Event::Ended(match over {
            Over::Ended(exit) => Ok(exit),
            Over::Lost => Err(self.line.notes.lost(Phase::Exec)),
            Over::Late => Err(self.late(words(self.stop(running).await))),
            Over::Insists => {
                let stopped = words(self.stop(running).await);
                let message =
                    format!("The command asked the same too often; {stopped}. Check the replies in `expect_map`.");
                Err(Failure::new(ErrorKind::Limit, Phase::Exec, message))
            }
        })
    }

    /// Stops the command. Gives whether its end was seen.
    async fn stop(&self, running: &mut Running) -> bool {
        match running.group {
            None => running.signal().await,
            Some(group) => {
                let pty = running.pty;
                let stopped = tokio::select! {
                    stopped = self.stop_group(group, pty) => stopped,
                    // What it writes meanwhile would hold up the connection.
                    never = running.drain() => match never {},
                };
                // Its last words, and its exit status.
                running.forward(Instant::now() + SHOWING).await;
                stopped
            }
        }
    }

    /// Stops a process group over a channel of its own, if need be on a connection of its own, with the rights that the
    /// command has.
    async fn stop_group(&self, group: u32, pty: bool) -> bool {
        let script = format!(
            "kill -s TERM -- -{group}; i=0; while kill -s 0 -- -{group}; do i=$((i+1)); \
             if [ $i -eq 20 ]; then kill -s KILL -- -{group}; fi; if [ $i -gt 30 ]; then exit 1; fi; sleep 0.1; done"
        );
        let exec = Exec {
            command: format!("/bin/sh -c {}", quoted(&script)),
            elevation: self.exec.elevation.clone(),
            ..Exec::default()
        };
        let until = Instant::now() + STOPPING;
        match self.line.channel(until).await {
            Ok(channel) => self.run_to_stop(channel, &exec, pty, until).await,
            // The connection has no room for it, see MaxSessions of sshd.
            Err(Some(russh::Error::ChannelOpenFailure(_))) => {
                let Ok(Ok(seat)) = timeout_at(until, self.line.apart()).await else { return false };
                let stopped = match seat.line.channel(until).await {
                    Ok(channel) => self.run_to_stop(channel, &exec, pty, until).await,
                    Err(_) => false,
                };
                seat.leave().await;
                stopped
            }
            Err(_) => false,
        }
    }

    /// Runs what stops a command. Gives whether it says that it did.
    async fn run_to_stop(&self, channel: Channel<Msg>, exec: &Exec, pty: bool, until: Instant) -> bool {
        let (nowhere, _) = mpsc::unbounded_channel();
        let mut running = Running::new(channel, self.line.user.clone(), nowhere, Arc::default());
        let stopping = async {
            running.start(exec, pty).await.ok()?;
            Some(running.forward(until).await)
        };
        let over = timeout_at(until, stopping).await;
        running.close().await;
        matches!(over, Ok(Some(Over::Ended(Exit::Status(0)))))
    }

    fn late(&self, what_became_of_it: &str) -> Failure {
        let message = format!(
            "The command did not end within {} seconds; {what_became_of_it}. Raise its timeout if it needs longer.",
            self.exec.timeout.as_secs_f64()
        );
        Failure::new(ErrorKind::Timeout, Phase::Exec, message)
    }
}

fn session_closed(what_became_of_it: &str) -> Failure {
    let message = format!("The session was closed while the command started; {what_became_of_it}.");
    Failure::new(ErrorKind::ConnectionLost, Phase::Exec, message)
}

fn words(stopped: bool) -> &'static str {
    if stopped { "the remote process was stopped" } else { "the remote process could not be confirmed as stopped" }
}
