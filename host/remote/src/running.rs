//! A channel with a command on it. It is always drained: russh delivers to a channel inside the loop of
//! the whole connection.

use crate::answers::{Answers, Reply};
use crate::dialogue::{Dialogue, Refusal, Step, wrong_password};
use crate::process::Backlog;
use crate::{Event, Exec, Keys, ShellRequest};
use bytes::Bytes;
use hostler_model::{ErrorKind, Exit, Failure, Phase, Secret};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Pty, Sig};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

/// Silence after the exit status that ends a command. A child in the background that holds its
/// output open would else keep it for ever.
const GRACE: Duration = Duration::from_secs(1);

/// Silence after which a command that said something may be waiting for a reply.
const PAUSE: Duration = Duration::from_millis(50);

/// Time between a polite and a final signal.
const POLITE: Duration = Duration::from_secs(2);

/// Time for the final signal to show.
const FINAL: Duration = Duration::from_secs(3);

/// RFC 4254 section 5.2.
const STDERR: u32 = 1;

/// What ends the input of a terminal (termios(3), VEOF).
const END_OF_INPUT: &[u8] = b"\x04";

/// No echo, so that nothing we type is taken for output; and no carriage returns (RFC 4254 section 8).
const TERMINAL_MODES: [(Pty, u32); 3] = [(Pty::ECHO, 0), (Pty::ONLCR, 0), (Pty::OPOST, 0)];

/// A channel with a command on it.
pub(crate) struct Running {
    read: ChannelReadHalf,
    write: Arc<ChannelWriteHalf<Msg>>,
    user: Arc<str>,
    /// Its process group, if signals of the SSH protocol do not reach it and it could tell.
    pub(crate) group: Option<u32>,
    /// Whether it has a terminal.
    pub(crate) pty: bool,
    answers: Answers,
    input: Option<Input>,
    events: mpsc::UnboundedSender<Event>,
    backlog: Arc<Backlog>,
    exit: Option<Exit>,
    closed: bool,
}

/// Why forwarding came to an end.
pub(crate) enum Over {
    /// The command did.
    Ended(Exit),
    /// The connection did.
    Lost,
    /// The time is up.
    Late,
    /// It keeps asking the same.
    Insists,
}

/// Writes beside the reading, so that a command that does not read cannot hold its own output up.
struct Input {
    /// Absent once nothing more will come.
    queue: Option<mpsc::UnboundedSender<Bytes>>,
    _writer: AbortOnDropHandle<()>,
}

impl Input {
    fn new(write: Arc<ChannelWriteHalf<Msg>>) -> Self {
        let (queue, mut waiting) = mpsc::unbounded_channel::<Bytes>();
        let writer = tokio::spawn(async move {
            while let Some(bytes) = waiting.recv().await {
                if write.data_bytes(bytes).await.is_err() {
                    return;
                }
            }
            let _connection_lost = write.eof().await;
        });
        Self { queue: Some(queue), _writer: AbortOnDropHandle::new(writer) }
    }
}

impl Running {
    pub(crate) fn new(
        channel: Channel<Msg>,
        user: Arc<str>,
        events: mpsc::UnboundedSender<Event>,
        backlog: Arc<Backlog>,
    ) -> Self {
        let (read, write) = channel.split();
        Self {
            read,
            write: Arc::new(write),
            user,
            group: None,
            pty: false,
            answers: Answers::new(Vec::new()),
            input: None,
            events,
            backlog,
            exit: None,
            closed: false,
        }
    }

    /// Sets the environment and starts the command, with a terminal if `pty` says so. Fails with a
    /// refusal, or with `None` if the connection is lost.
    pub(crate) async fn start(&mut self, exec: &Exec, pty: bool) -> Result<(), Option<Refusal>> {
        // sudo makes an environment of its own, so variables that are set outside do not count.
        let variables = match exec.elevation {
            None => self.set_environment(&exec.environment).await?,
            Some(_) => exec.environment.iter().collect(),
        };
        if pty {
            self.get_terminal("vt100", (80, 24), &TERMINAL_MODES, "leave `get_pty` out, or ").await?;
        }
        self.answers = Answers::new(exec.answers.clone());
        let mut dialogue = exec.tells_group(&self.user).then(|| Dialogue::new(exec));
        let line = exec.line(&variables, dialogue.as_ref().map(|dialogue| &dialogue.marks));
        self.write.exec(true, line).await.map_err(|_| None)?;
        // The usual case: nothing to type, so nobody needs to stand by.
        let silent = dialogue.is_none() && exec.stdin.is_none() && exec.answers.is_empty() && !pty;
        if silent {
            self.write.eof().await.map_err(|_| None)?;
        }
        if !self.reply().await? {
            return Err(Some(refused(
                "The server refused to run the command: the account may be allowed other uses only.",
            )));
        }
        if let Some(dialogue) = &mut dialogue {
            self.talk(dialogue).await?;
        }
        if !silent {
            self.feed(exec).await.map_err(|_| None)?;
        }
        Ok(())
    }

    /// Starts the login shell in a terminal that does what terminals do: it echoes. Fails like [`Self::start`].
    pub(crate) async fn start_shell(&mut self, asked: &ShellRequest) -> Result<(), Option<Refusal>> {
        self.get_terminal(&asked.terminal, (asked.columns, asked.rows), &[], "").await?;
        self.write.request_shell(true).await.map_err(|_| None)?;
        if self.reply().await? {
            return Ok(());
        }
        Err(Some(refused("The server refused to start a shell: the account may be allowed other uses only.")))
    }

    async fn get_terminal(
        &mut self,
        name: &str,
        (columns, rows): (u32, u32),
        modes: &[(Pty, u32)],
        advice: &str,
    ) -> Result<(), Option<Refusal>> {
        self.write.request_pty(true, name, columns, rows, 0, 0, modes).await.map_err(|_| None)?;
        self.pty = self.reply().await?;
        if self.pty {
            return Ok(());
        }
        Err(Some(refused(&format!("The server gives no terminal: {advice}allow it there (PermitTTY)."))))
    }

    /// Types what comes from `keys`, beside the reading, until what it returns is dropped.
    pub(crate) fn obey(&self, mut keys: mpsc::Receiver<Keys>) -> AbortOnDropHandle<()> {
        let write = self.write.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            while let Some(Keys { text, sent }) = keys.recv().await {
                if write.data_bytes(text).await.is_err() {
                    return;
                }
                let _typist_gone = sent.send(());
            }
        }))
    }

    /// Types what the command is to read, and ends its input unless there are replies to come.
    async fn feed(&mut self, exec: &Exec) -> Result<(), russh::Error> {
        if let Some(stdin) = &exec.stdin {
            self.type_in(stdin.clone());
        }
        if exec.answers.is_empty() {
            if self.pty {
                self.type_in(Bytes::from_static(END_OF_INPUT));
            }
            match &mut self.input {
                None => self.write.eof().await?,
                Some(input) => drop(input.queue.take()),
            }
        }
        Ok(())
    }

    fn type_in(&mut self, bytes: Bytes) {
        let input = self.input.get_or_insert_with(|| Input::new(self.write.clone()));
        if let Some(queue) = &input.queue {
            // If the writer is gone, so is the connection, and the reading says so.
            let _writer_gone = queue.send(bytes);
        }
    }

    /// Talks with sudo and the wrapper until the command itself begins.
    async fn talk(&mut self, dialogue: &mut Dialogue) -> Result<(), Option<Refusal>> {
        let mut until = None;
        loop {
            let waited = match until {
                None => Ok(self.read.wait().await),
                Some(until) => timeout_at(until, self.read.wait()).await,
            };
            let heard = match waited {
                Ok(Some(ChannelMsg::Data { data })) if self.pty => data,
                Ok(Some(ChannelMsg::ExtendedData { data, ext: STDERR })) if !self.pty => data,
                Ok(Some(message)) => {
                    self.take(message);
                    Bytes::new()
                }
                Ok(None) => return Err(None),
                // Something in the background holds the channel open.
                Err(_) => return Err(Some(dialogue.refusal())),
            };
            if self.exit.is_some() {
                until.get_or_insert_with(|| Instant::now() + GRACE);
            }
            match dialogue.hear(&heard) {
                Step::Listen if self.closed => return Err(Some(dialogue.refusal())),
                Step::Listen => {}
                Step::Answer(password) => {
                    self.type_in(secret_line(&password));
                }
                Step::Refused => return Err(Some(Refusal::Failure(wrong_password()))),
                Step::Begun { group, output } => {
                    self.group = group;
                    let output = Bytes::from(output);
                    self.answers.hear(&output);
                    if !output.is_empty() {
                        self.send(if self.pty { Event::Stdout(output) } else { Event::Stderr(output) });
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Asks the server to set variables; gives those that it refused. All are asked at once, and the
    /// answers are read meanwhile: nobody else drains the channel.
    async fn set_environment<'a>(
        &mut self,
        variables: &'a [(String, String)],
    ) -> Result<Vec<&'a (String, String)>, Option<Refusal>> {
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
    async fn reply(&mut self) -> Result<bool, Option<Refusal>> {
        loop {
            match self.read.wait().await {
                Some(ChannelMsg::Success) => return Ok(true),
                Some(ChannelMsg::Failure) => return Ok(false),
                Some(message) => self.take(message),
                None => return Err(None),
            }
            if self.closed {
                let message = "The server closed the channel before it confirmed the command: check its log.";
                let failure = Failure::new(ErrorKind::ConnectionLost, Phase::Exec, message);
                return Err(Some(Refusal::Failure(failure)));
            }
        }
    }

    /// Passes on what comes, until an end or `until`. It may be dropped at any await.
    pub(crate) async fn forward(&mut self, until: Instant) -> Over {
        loop {
            let now = Instant::now();
            let grace = self.exit.is_some().then(|| now + GRACE);
            let pause = self.answers.pending().then(|| now + PAUSE);
            let patience = [grace, pause].into_iter().flatten().fold(until, Instant::min);
            match (timeout_at(patience, self.read.wait()).await, &self.exit) {
                (Ok(Some(message)), _) => self.take(message),
                (Ok(None), None) => return Over::Lost,
                (Err(_), _) if pause == Some(patience) => match self.answers.reply() {
                    Reply::Text(text) => self.type_in(text),
                    Reply::Nothing => {}
                    Reply::Enough => return Over::Insists,
                },
                (Ok(None) | Err(_), Some(exit)) => return Over::Ended(exit.clone()),
                (Err(_), None) => return Over::Late,
            }
            if self.closed {
                return Over::Ended(self.exit.clone().unwrap_or(Exit::Unknown));
            }
        }
    }

    /// Passes on what comes, for ever.
    pub(crate) async fn drain(&mut self) -> Infallible {
        while let Some(message) = self.read.wait().await {
            self.take(message);
        }
        pending().await
    }

    fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::Data { data } => {
                self.answers.hear(&data);
                self.send(Event::Stdout(data));
            }
            ChannelMsg::ExtendedData { data, ext: STDERR } => {
                self.answers.hear(&data);
                self.send(Event::Stderr(data));
            }
            ChannelMsg::ExitStatus { exit_status } => self.exit = Some(Exit::Status(exit_status)),
            ChannelMsg::ExitSignal { signal_name, .. } => self.exit = Some(Exit::Signal(name(signal_name))),
            ChannelMsg::Close => self.closed = true,
            _ => {}
        }
    }

    pub(crate) fn send(&self, event: Event) {
        if self.backlog.admits(&event) {
            let _reader_gone = self.events.send(event);
        }
    }

    /// Stops the command with signals of the SSH protocol. Gives whether its end was seen.
    pub(crate) async fn signal(&mut self) -> bool {
        for (signal, patience) in [(Sig::TERM, POLITE), (Sig::KILL, FINAL)] {
            let until = Instant::now() + patience;
            let sent = timeout_at(until, self.write.signal(signal)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return false;
            }
            match self.forward(until).await {
                // Servers signal nobody after the exit status, and what holds the channel open may run.
                Over::Ended(_) => return self.closes(Instant::now() + FINAL).await,
                Over::Lost => return false,
                Over::Late | Over::Insists => {}
            }
        }
        false
    }

    /// Whether the server closes the channel until then.
    async fn closes(&mut self, until: Instant) -> bool {
        while !self.closed {
            let Ok(Some(message)) = timeout_at(until, self.read.wait()).await else { break };
            self.take(message);
        }
        self.closed
    }

    /// Gives the channel back to the server, if the server did not do so itself. russh never
    /// confirms that, so there is nothing to wait for.
    pub(crate) async fn close(self) {
        if !self.closed {
            let _sent = timeout(FINAL, self.write.close()).await;
        }
    }
}

fn refused(sentence: &str) -> Refusal {
    Refusal::Failure(Failure::new(ErrorKind::ExecRefused, Phase::Exec, sentence))
}

/// A password and a newline, wiped once it is sent.
fn secret_line(password: &Secret) -> Bytes {
    let mut line = Zeroizing::new(Vec::with_capacity(password.expose().len() + 1));
    line.extend_from_slice(password.expose().as_bytes());
    line.push(b'\n');
    Bytes::from_owner(line)
}

fn name(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => name,
        known => format!("{known:?}"),
    }
}
