//! The task behind a running command. It owns the channel (RFC 4254 section 6) from opening to
//! close, and always drains it: russh delivers to a channel inside the loop of the whole connection.

use crate::connection::{Line, NotStarted};
use crate::environment::wrapped;
use crate::process::Backlog;
use crate::{Event, Exec};
use hostler_model::{ErrorKind, Exit, Failure, Phase};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Sig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// Silence after the exit status that ends a command. A child in the background that holds its
/// output open would else keep it for ever.
const GRACE: Duration = Duration::from_secs(1);

/// Time between a polite and a final signal.
const POLITE: Duration = Duration::from_secs(2);

/// Time for the final signal to show.
const FINAL: Duration = Duration::from_secs(3);

/// RFC 4254 section 5.2.
const STDERR: u32 = 1;

/// A command that is to run, and where its events go.
pub(crate) struct Pump {
    line: Arc<Line>,
    exec: Exec,
    deadline: Instant,
    events: mpsc::UnboundedSender<Event>,
    backlog: Arc<Backlog>,
}

impl Pump {
    pub(crate) fn new(
        line: Arc<Line>,
        exec: Exec,
        events: mpsc::UnboundedSender<Event>,
        backlog: Arc<Backlog>,
    ) -> Self {
        let deadline = Instant::now() + exec.timeout;
        Self { line, exec, deadline, events, backlog }
    }

    /// Opens a channel, starts the command, tells `started`, and forwards until the end.
    pub(crate) async fn run(self, started: oneshot::Sender<Result<(), NotStarted>>) {
        let opening = self.line.handle.channel_open_session();
        tokio::pin!(opening);
        let channel = match timeout_at(self.deadline, &mut opening).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => return drop(started.send(Err(NotStarted::NoChannel(self.not_opened(&error))))),
            Err(_) => {
                drop(started.send(Err(NotStarted::NoChannel(self.late("it had not been started")))));
                // Nobody waits any more, but the server would keep a channel that opens late.
                if let Ok(channel) = opening.await {
                    let _closed = channel.split().1.close().await;
                }
                return;
            }
        };
        let mut running = Running::new(channel, self.events.clone(), self.backlog.clone());
        if started.is_closed() {
            return running.close().await;
        }
        match timeout_at(self.deadline, running.start(&self.exec)).await {
            Ok(Ok(())) => {
                // If whoever asked has given up, the events have no receiver either.
                let _asker_gone = started.send(Ok(()));
                let end = self.watch(&mut running).await;
                running.send(Event::Ended(end));
            }
            Ok(Err(refusal)) => {
                let failure = refusal.unwrap_or_else(|| self.line.notes.lost(Phase::Exec));
                drop(started.send(Err(failure.into())));
            }
            // The server did not say whether it runs: better stop it.
            Err(_) => {
                let stopped = running.stop().await;
                drop(started.send(Err(self.late(words(stopped)).into())));
            }
        }
        running.close().await;
    }

    /// Forwards until the command ended, its time is up, or nobody wants it any more.
    async fn watch(&self, running: &mut Running) -> Result<Exit, Failure> {
        let over = tokio::select! {
            over = running.forward(self.deadline) => Some(over),
            () = self.events.closed() => None,
            () = self.line.closing.cancelled() => None,
        };
        match over {
            Some(Over::Ended(exit)) => Ok(exit),
            Some(Over::Lost) => Err(self.line.notes.lost(Phase::Exec)),
            Some(Over::Late) => Err(self.late(words(running.stop().await))),
            None => {
                let message = format!("The session was closed while the command ran; {}.", words(running.stop().await));
                Err(Failure::new(ErrorKind::ConnectionLost, Phase::Exec, message))
            }
        }
    }

    fn late(&self, what_became_of_it: &str) -> Failure {
        let message = format!(
            "The command did not end within {} seconds; {what_became_of_it}. Raise its timeout if it needs longer.",
            self.exec.timeout.as_secs_f64()
        );
        Failure::new(ErrorKind::Timeout, Phase::Exec, message)
    }

    fn not_opened(&self, error: &russh::Error) -> Failure {
        let russh::Error::ChannelOpenFailure(reason) = error else { return self.line.notes.lost(Phase::Exec) };
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
}

fn words(stopped: bool) -> &'static str {
    if stopped { "the remote process was stopped" } else { "the remote process could not be confirmed as stopped" }
}

/// Why forwarding came to an end.
enum Over {
    /// The command did.
    Ended(Exit),
    /// The connection did.
    Lost,
    /// The time is up.
    Late,
}

/// A channel with a command on it.
struct Running {
    read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
    events: mpsc::UnboundedSender<Event>,
    backlog: Arc<Backlog>,
    exit: Option<Exit>,
    closed: bool,
}

impl Running {
    fn new(channel: Channel<Msg>, events: mpsc::UnboundedSender<Event>, backlog: Arc<Backlog>) -> Self {
        let (read, write) = channel.split();
        Self { read, write, events, backlog, exit: None, closed: false }
    }

    /// Sets the environment and starts the command; its standard input is empty. Fails with a
    /// refusal, or with `None` if the connection is lost.
    async fn start(&mut self, exec: &Exec) -> Result<(), Option<Failure>> {
        let refused = self.set_environment(&exec.environment).await?;
        let line = wrapped(&exec.command, &refused);
        self.write.exec(true, line).await.map_err(|_| None)?;
        self.write.eof().await.map_err(|_| None)?;
        if self.reply().await? {
            return Ok(());
        }
        let message = "The server refused to run the command: the account may be allowed other uses only.";
        Err(Some(Failure::new(ErrorKind::ExecRefused, Phase::Exec, message)))
    }

    /// Asks the server to set variables; gives those that it refused. All are asked at once, and the
    /// answers are read meanwhile: nobody else drains the channel.
    async fn set_environment<'a>(
        &mut self,
        variables: &'a [(String, String)],
    ) -> Result<Vec<&'a (String, String)>, Option<Failure>> {
        let Self { read, write, .. } = self;
        let ask = async {
            for (name, value) in variables {
                write.set_env(true, name, value).await.map_err(|_| None)?;
            }
            Ok(())
        };
        let listen = async {
            let mut refused = Vec::new();
            for variable in variables {
                // Before the command runs there is no output to lose.
                let accepted = loop {
                    match read.wait().await {
                        Some(ChannelMsg::Success) => break true,
                        Some(ChannelMsg::Failure) => break false,
                        Some(ChannelMsg::Close) | None => return Err(None),
                        Some(_) => {}
                    }
                };
                if !accepted {
                    refused.push(variable);
                }
            }
            Ok(refused)
        };
        futures::future::try_join(ask, listen).await.map(|((), refused)| refused)
    }

    /// The server's answer to a request. Output may come before it.
    async fn reply(&mut self) -> Result<bool, Option<Failure>> {
        loop {
            match self.read.wait().await {
                Some(ChannelMsg::Success) => return Ok(true),
                Some(ChannelMsg::Failure) => return Ok(false),
                Some(message) => self.take(message),
                None => return Err(None),
            }
            if self.closed {
                let message = "The server closed the channel before it confirmed the command: check its log.";
                return Err(Some(Failure::new(ErrorKind::ConnectionLost, Phase::Exec, message)));
            }
        }
    }

    /// Passes on what comes, until an end or `until`. It may be dropped at any await.
    async fn forward(&mut self, until: Instant) -> Over {
        loop {
            let patience = if self.exit.is_some() { until.min(Instant::now() + GRACE) } else { until };
            match (timeout_at(patience, self.read.wait()).await, &self.exit) {
                (Ok(Some(message)), _) => self.take(message),
                (Ok(None) | Err(_), Some(exit)) => return Over::Ended(exit.clone()),
                (Ok(None), None) => return Over::Lost,
                (Err(_), None) => return Over::Late,
            }
            if self.closed {
                return Over::Ended(self.exit.clone().unwrap_or(Exit::Unknown));
            }
        }
    }

    fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::Data { data } => self.send(Event::Stdout(data)),
            ChannelMsg::ExtendedData { data, ext: STDERR } => self.send(Event::Stderr(data)),
            ChannelMsg::ExitStatus { exit_status } => self.exit = Some(Exit::Status(exit_status)),
            ChannelMsg::ExitSignal { signal_name, .. } => self.exit = Some(Exit::Signal(name(signal_name))),
            ChannelMsg::Close => self.closed = true,
            _ => {}
        }
    }

    fn send(&self, event: Event) {
        if self.backlog.admits(&event) {
            let _reader_gone = self.events.send(event);
        }
    }

    /// Stops the command with signals. Gives whether its end was seen.
    async fn stop(&mut self) -> bool {
        for (signal, patience) in [(Sig::TERM, POLITE), (Sig::KILL, FINAL)] {
            let until = Instant::now() + patience;
            let sent = timeout_at(until, self.write.signal(signal)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return false;
            }
            match self.forward(until).await {
                Over::Ended(_) => return true,
                Over::Lost => return false,
                Over::Late => {}
            }
        }
        false
    }

    /// Gives the channel back to the server, if the server did not do so itself. russh never
    /// confirms that, so there is nothing to wait for.
    async fn close(self) {
        if !self.closed {
            let _sent = timeout(FINAL, self.write.close()).await;
        }
    }
}

fn name(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => name,
        known => format!("{known:?}"),
    }
}
