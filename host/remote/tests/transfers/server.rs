//! OpenSSH's own SFTP program behind an SSH server of ours, which sees each request before the program does, and may
//! answer it, change it, or cut the connection.

use crate::request::request;
use hostler_remote::{Config, Connector, Session};
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config as ServerConfig, Handle, Handler, Msg, run_stream};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

/// Debian's place for it.
const PROGRAM: &str = "/usr/lib/openssh/sftp-server";

/// Kinds of requests (draft-ietf-secsh-filexfer-02 section 3).
pub(crate) mod kind {
    pub(crate) const OPEN: u8 = 3;
    pub(crate) const CLOSE: u8 = 4;
    pub(crate) const READ: u8 = 5;
    pub(crate) const WRITE: u8 = 6;
    pub(crate) const LSTAT: u8 = 7;
    pub(crate) const FSTAT: u8 = 8;
    pub(crate) const FSETSTAT: u8 = 10;
    pub(crate) const REMOVE: u8 = 13;
    pub(crate) const STAT: u8 = 17;
    pub(crate) const SYMLINK: u8 = 20;
    pub(crate) const EXTENDED: u8 = 200;
}

/// Status codes (section 7).
pub(crate) mod status {
    pub(crate) const PERMISSION_DENIED: u32 = 3;
    pub(crate) const FAILURE: u32 = 4;
}

/// A request as it came: its kind, and what follows its number.
pub(crate) struct Request {
    pub(crate) kind: u8,
    number: u32,
    pub(crate) body: Vec<u8>,
}

/// What becomes of it.
pub(crate) enum Fate {
    /// The program gets it, as it came or as it was changed.
    Pass,
    /// The client gets this status, and the program nothing.
    Refuse(u32),
    /// Nobody gets anything.
    Swallow,
    /// The program gets it right before the next one that passes.
    Hold,
    /// The program comes to its end, and its channel with it.
    End,
    /// The connection ends.
    Cut,
}

type Rule = Box<dyn FnMut(&mut Request) -> Fate + Send>;

/// What the server does, and what it saw.
#[derive(Default)]
struct State {
    rule: Mutex<Option<Rule>>,
    /// Texts in answers, and those of the same length that take their place.
    lies: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
    /// How the program is called.
    arguments: Vec<String>,
    /// Commands get no shell.
    without_commands: bool,
    /// How often each kind of request came.
    requests: Mutex<HashMap<u8, usize>>,
    commands: Mutex<Vec<String>>,
}

/// A server on its own folder.
pub(crate) struct Server {
    address: SocketAddr,
    folder: TempDir,
    record: TempDir,
    state: Arc<State>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(&[], true).await
    }

    /// One whose program refuses those requests and extensions, by the program's names for them.
    pub(crate) async fn without(requests: &str) -> Self {
        Self::with(&["-P", requests], true).await
    }

    /// One that runs no commands.
    pub(crate) async fn without_commands() -> Self {
        Self::with(&[], false).await
    }

    async fn with(arguments: &[&str], commands: bool) -> Self {
        assert!(Path::new(PROGRAM).exists(), "install openssh-sftp-server: {PROGRAM} is missing");
        let folder = tempfile::tempdir().expect("folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        let state = State { arguments: arguments.collect(), without_commands: !commands, ..State::default() };
        let (state, home) = (Arc::new(state), folder.path().to_owned());
        let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("key");
        let config = Arc::new(ServerConfig { keys: vec![key], ..ServerConfig::default() });
        tokio::spawn(serve(listener, config, state.clone(), home));
        Self { address, folder, record: tempfile::tempdir().expect("folder"), state }
    }

    /// Has each request judged from now on.
    pub(crate) fn rule(&self, rule: impl FnMut(&mut Request) -> Fate + Send + 'static) {
        *self.state.rule.lock().expect("no panic") = Some(Box::new(rule));
    }

    /// Has answers say something else of the same length.
    pub(crate) fn lie(&self, truth: &[u8], lie: &[u8]) {
        self.state.lies.lock().expect("no panic").push((truth.into(), lie.into()));
    }

    pub(crate) fn no_rule(&self) {
        *self.state.rule.lock().expect("no panic") = None;
    }

    /// How often a kind of request came until now.
    pub(crate) fn count(&self, kind: u8) -> usize {
        self.state.requests.lock().expect("no panic").get(&kind).copied().unwrap_or_default()
    }

    /// The commands that were asked for until now.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.state.commands.lock().expect("no panic").clone()
    }

    /// A path of the server, as this process sees it. Relative ones mean the same to the client.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn session(&self) -> Box<dyn Session> {
        let config = Config { known_hosts: self.record.path().join("known_hosts"), ..Config::default() };
        let request = request(self.address, "user", "any");
        config.build().expect("engine").connect(request).await.expect("a session")
    }
}

async fn serve(listener: TcpListener, config: Arc<ServerConfig>, state: Arc<State>, home: PathBuf) {
    while let Ok((stream, _)) = listener.accept().await {
        let guest = Guest { state: state.clone(), home: home.clone(), channels: HashMap::new() };
        let config = config.clone();
        tokio::spawn(async move {
            if let Ok(session) = run_stream(config, stream, guest).await {
                let _end = session.await;
            }
        });
    }
}

struct Guest {
    state: Arc<State>,
    home: PathBuf,
    /// Those for which nothing was asked yet.
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, _: &str) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _: &str,
        session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        let Some(channel) = self.channels.remove(&id) else { return session.channel_failure(id) };
        let mut program = Command::new(PROGRAM);
        program.arg("-e").args(&self.state.arguments);
        tokio::spawn(carry(channel, program_in(program, &self.home), self.state.clone(), session.handle()));
        session.channel_success(id)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        let command = String::from_utf8_lossy(command).into_owned();
        self.state.commands.lock().expect("no panic").push(command.clone());
        let Some(channel) = self.channels.remove(&id).filter(|_| !self.state.without_commands) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command).current_dir(&self.home).stdin(Stdio::null()).kill_on_drop(true);
        tokio::spawn(async move {
            let output = shell.output().await.expect("a shell");
            channel.data_bytes(output.stdout).await?;
            channel.extended_data_bytes(1, output.stderr).await?;
            channel.exit_status(output.status.code().unwrap_or(255).cast_unsigned()).await?;
            channel.eof().await?;
            channel.close().await
        });
        Ok(())
    }
}

fn program_in(mut program: Command, home: &Path) -> tokio::process::Child {
    program.current_dir(home).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    program.spawn().expect("the SFTP program")
}

/// Carries packets between the client and the program.
async fn carry(channel: Channel<Msg>, mut program: tokio::process::Child, state: Arc<State>, handle: Handle) {
    let (read, write) = channel.split();
    let (input, output) = (program.stdin.take().expect("piped"), program.stdout.take().expect("piped"));
    let (answers, to_client) = mpsc::unbounded_channel();
    let (requests, to_program) = mpsc::unbounded_channel();
    tokio::spawn(feed(input, to_program));
    tokio::spawn(collect(output, state.clone(), answers.clone()));
    tokio::spawn(answer(write, to_client));
    judge(read, &state, &requests, &answers, &handle).await;
    drop((requests, answers));
    let _ended = program.wait().await;
}

/// Takes the client's packets apart, and does what the rule says.
async fn judge(
    mut read: ChannelReadHalf,
    state: &State,
    requests: &mpsc::UnboundedSender<Vec<u8>>,
    answers: &mpsc::UnboundedSender<Vec<u8>>,
    handle: &Handle,
) {
    let (mut buffer, mut held) = (Vec::new(), Vec::new());
    loop {
        match read.wait().await {
            Some(ChannelMsg::Data { data }) => buffer.extend_from_slice(&data),
            Some(ChannelMsg::Eof | ChannelMsg::Close) | None => return,
            Some(_) => continue,
        }
        while let Some(packet) = take_packet(&mut buffer) {
            let number = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().expect("four bytes"));
            let mut request = Request { kind: packet[4], number: number(5), body: packet[9..].to_vec() };
            *state.requests.lock().expect("no panic").entry(request.kind).or_default() += 1;
            let fate = match state.rule.lock().expect("no panic").as_mut() {
                Some(rule) => rule(&mut request),
                None => Fate::Pass,
            };
            // Whoever is gone does not get it.
            let _gone = match fate {
                Fate::Pass => requests.send(std::mem::take(&mut held).into_iter().chain(request.packet()).collect()),
                Fate::Refuse(status) => answers.send(refusal(request.number, status)),
                Fate::Swallow => Ok(()),
                Fate::Hold => {
                    held.extend(request.packet());
                    Ok(())
                }
                Fate::End => return,
                Fate::Cut => {
                    let farewell = handle.disconnect(Disconnect::ByApplication, "cut".into(), String::new());
                    let _gone = farewell.await;
                    return;
                }
            };
        }
    }
}

impl State {
    fn falsified(&self, mut answer: Vec<u8>) -> Vec<u8> {
        for (truth, lie) in &*self.lies.lock().expect("no panic") {
            while let Some(at) = answer.windows(truth.len()).position(|window| window == truth) {
                answer[at..at + lie.len()].copy_from_slice(lie);
            }
        }
        answer
    }
}

impl Request {
    fn packet(&self) -> Vec<u8> {
        let size = u32::try_from(self.body.len() + 5).expect("small");
        [&size.to_be_bytes()[..], &[self.kind], &self.number.to_be_bytes(), &self.body].concat()
    }

    /// The string at the beginning: a path or a handle.
    pub(crate) fn name(&self) -> String {
        let size = u32::from_be_bytes(self.body[..4].try_into().expect("a size")) as usize;
        String::from_utf8_lossy(&self.body[4..4 + size]).into_owned()
    }

    /// Where the offset of a READ or WRITE stands.
    fn offset_at(&self) -> usize {
        4 + u32::from_be_bytes(self.body[..4].try_into().expect("a size")) as usize
    }

    /// The offset of a READ or WRITE.
    pub(crate) fn offset(&self) -> u64 {
        u64::from_be_bytes(self.body[self.offset_at()..][..8].try_into().expect("an offset"))
    }

    /// Cuts what a READ asks for.
    pub(crate) fn ask_for_at_most(&mut self, size: u32) {
        let at = self.offset_at() + 8;
        let asked = u32::from_be_bytes(self.body[at..at + 4].try_into().expect("a size"));
        self.body[at..at + 4].copy_from_slice(&asked.min(size).to_be_bytes());
    }
}

fn refusal(number: u32, status: u32) -> Vec<u8> {
    let body = [&[101][..], &number.to_be_bytes(), &status.to_be_bytes(), &[0; 8]].concat();
    [&u32::try_from(body.len()).expect("small").to_be_bytes()[..], &body].concat()
}

/// Takes a whole packet, length included, from the beginning of `buffer`.
fn take_packet(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let size = u32::from_be_bytes(buffer.get(..4)?.try_into().ok()?) as usize + 4;
    (buffer.len() >= size).then(|| buffer.drain(..size).collect())
}

async fn feed(mut input: ChildStdin, mut packets: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(packet) = packets.recv().await {
        if input.write_all(&packet).await.is_err() {
            return;
        }
    }
}

async fn collect(mut output: ChildStdout, state: Arc<State>, packets: mpsc::UnboundedSender<Vec<u8>>) {
    let mut buffer = Vec::new();
    while let Ok(1..) = output.read_buf(&mut buffer).await {
        while let Some(packet) = take_packet(&mut buffer) {
            if packets.send(state.falsified(packet)).is_err() {
                return;
            }
        }
    }
}

async fn answer(write: ChannelWriteHalf<Msg>, mut packets: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(packet) = packets.recv().await {
        if write.data_bytes(packet).await.is_err() {
            return;
        }
    }
    let _gone = write.eof().await;
    let _gone = write.close().await;
}
