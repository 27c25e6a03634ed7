//! An SSH server that does what no real one does on demand. The user's name says how it lets
//! people in, the command says what it does.

use crate::files::Faulty;
use crate::program::{self, Program};
use crate::request::request;
use hostler_remote::{Config, Connect, Engine};
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config as ServerConfig, Handle, Handler, Msg, Response, Session, VerifiedPublicKey,
    run_stream,
};
use russh::{
    Channel, ChannelId, ChannelMsg, ChannelOpenFailure, Disconnect, MethodKind, MethodSet, Preferred, Pty, Sig, kex,
};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// The only password.
pub(crate) const PASSWORD: &str = "open sesame";

/// What precedes the word in the mark that tells a process group.
const MARK: &str = "hostler-runs-";

/// RFC 4254 section 5.2.
const STDERR: u32 = 1;

/// A listening server, a folder for the client's files, and what the server saw.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    seen: mpsc::UnboundedReceiver<String>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with_key(Algorithm::Ed25519, tempfile::tempdir().expect("folder")).await
    }

    /// One that nobody has updated for twenty years.
    pub(crate) async fn outdated() -> Self {
        let kex = Cow::Borrowed(&[kex::DH_G1_SHA1][..]);
        let preferred = Preferred { kex, ..Preferred::default() };
        Self::with(preferred, Algorithm::Ed25519, tempfile::tempdir().expect("folder")).await
    }

    /// The server set up anew, with a host key of that type. Its port is another one, so the
    /// client's record is moved there.
    pub(crate) async fn set_up_anew(self, algorithm: Algorithm) -> Self {
        let port = |address: SocketAddr| format!("]:{} ", address.port());
        let (old, record) = (port(self.address), self.known_hosts());
        let server = Self::with_key(algorithm, self.folder).await;
        std::fs::write(server.known_hosts_path(), record.replace(&old, &port(server.address))).expect("write");
        server
    }

    async fn with_key(algorithm: Algorithm, folder: TempDir) -> Self {
        Self::with(Preferred::default(), algorithm, folder).await
    }

    async fn with(preferred: Preferred, algorithm: Algorithm, folder: TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let (saw, seen) = mpsc::unbounded_channel();
        let key = PrivateKey::random(&mut safe_rng(), algorithm).expect("key");
        let config =
            ServerConfig { keys: vec![key], auth_rejection_time: Duration::ZERO, preferred, ..ServerConfig::default() };
        let config = Arc::new(config);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (config, saw) = (config.clone(), saw.clone());
                tokio::spawn(async move {
                    let guest = Guest {
                        saw: saw.clone(),
                        key_passed: false,
                        password_passed: false,
                        rooms: 0,
                        terminal: String::new(),
                        has_files: true,
                        files: None,
                        user: String::new(),
                    };
                    if let Ok(session) = run_stream(config, stream, guest).await {
                        let _end = session.await;
                    }
                    let _reader = saw.send("connection ended".into());
                });
            }
        });
        Self { address, folder, seen }
    }

    fn known_hosts_path(&self) -> std::path::PathBuf {
        self.folder.path().join("known_hosts")
    }

    /// What the client has on record.
    pub(crate) fn known_hosts(&self) -> String {
        std::fs::read_to_string(self.known_hosts_path()).unwrap_or_default()
    }

    pub(crate) fn engine(&self) -> Engine {
        Config { known_hosts: self.known_hosts_path(), ..Config::default() }.build().expect("engine")
    }

    pub(crate) fn connect(&self, user: &str) -> Connect {
        connect(self.address, user)
    }

    /// Waits until the server saw `what`. Gives what it saw before.
    pub(crate) async fn saw(&mut self, what: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let seen = self.seen.recv().await.expect("the server lives");
            if seen == what {
                return before;
            }
            before.push(seen);
        }
    }
}

/// A request with the right password.
pub(crate) fn connect(address: SocketAddr, user: &str) -> Connect {
    request(address, user, PASSWORD)
}

struct Guest {
    saw: mpsc::UnboundedSender<String>,
    key_passed: bool,
    password_passed: bool,
    /// Channels that may still be opened, where that is limited.
    rooms: usize,
    /// The type of the terminal that was asked for last.
    terminal: String,
    /// Whether there is SFTP.
    has_files: bool,
    /// The channel that it is used on.
    files: Option<ChannelId>,
    /// Who logged in.
    user: String,
}

impl Guest {
    fn saw(&self, what: impl Into<String>) {
        let _reader = self.saw.send(what.into());
    }
}

fn reject(methods: &[MethodKind], partial_success: bool) -> Auth {
    Auth::Reject { proceed_with_methods: Some(MethodSet::from(methods)), partial_success }
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        self.saw("password");
        match user {
            "keyboard" | "expired" | "curious" | "inquisitive" => Ok(reject(&[MethodKind::KeyboardInteractive], false)),
            "dropped" => Err(russh::Error::Disconnect),
            "silent" => std::future::pending().await,
            "two-factors" if !self.key_passed => Ok(reject(&[MethodKind::PublicKey], false)),
            _ if password == PASSWORD => {
                self.rooms = if user == "two rooms" { 2 } else { usize::MAX };
                self.has_files = user != "no files";
                user.clone_into(&mut self.user);
                Ok(Auth::Accept)
            }
            _ => Ok(reject(&[MethodKind::PublicKey, MethodKind::Password], false)),
        }
    }

    async fn auth_publickey(&mut self, _user: &str, _key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        self.saw("publickey");
        self.key_passed = true;
        Ok(reject(&[MethodKind::Password], true))
    }

    async fn auth_publickey_offered(
        &mut self,
        _: &str,
        _: russh::server::PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let ask = |prompts: &[&'static str]| {
            let prompts = prompts.iter().map(|&prompt| (prompt.into(), false)).collect();
            Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts })
        };
        let Some(mut answers) = response else {
            let prompts = if user == "inquisitive" { 100_000 } else { 1 };
            return ask(&["Password: "].repeat(prompts));
        };
        if user == "curious" {
            self.saw("answer");
            return ask(&["Password: "]);
        }
        let answer = answers.next();
        let right = answer.as_deref() == Some(PASSWORD.as_bytes());
        if self.password_passed {
            self.saw(format!("new password {:?}", answer.as_deref().map(String::from_utf8_lossy)));
        }
        if right && user == "expired" && !self.password_passed {
            self.password_passed = true;
            return ask(&["New password: ", "Retype new password: "]);
        }
        if right && user != "expired" {
            Ok(Auth::Accept)
        } else {
            Ok(reject(&[MethodKind::KeyboardInteractive], false))
        }
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(left) = self.rooms.checked_sub(1) else {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        };
        self.rooms = left;
        reply.accept().await;
        let (handle, saw, user) = (session.handle(), self.saw.clone(), self.user.clone());
        tokio::spawn(async move {
            let _sent = play(channel, saw, handle, &user).await;
        });
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.saw(format!("env {name}={value}"));
        if name.starts_with("LC_") { session.channel_success(channel) } else { session.channel_failure(channel) }
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        terminal: &str,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.saw(format!("terminal {terminal} {columns}x{rows}"));
        terminal.clone_into(&mut self.terminal);
        if terminal == "none" { session.channel_failure(id) } else { session.channel_success(id) }
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        match self.terminal.as_str() {
            "no-shell" => session.channel_failure(id),
            "silent" => Ok(()),
            _ => session.channel_success(id),
        }
    }

    async fn subsystem_request(&mut self, id: ChannelId, _: &str, session: &mut Session) -> Result<(), russh::Error> {
        self.files = self.has_files.then_some(id);
        if self.has_files { session.channel_success(id) } else { session.channel_failure(id) }
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        if self.files == Some(id) {
            self.saw("channel of files closed");
        }
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        let command = String::from_utf8_lossy(command).into_owned();
        self.saw(format!("exec {command}"));
        match command.as_str() {
            "refuse" => session.channel_failure(id),
            "ignore" => Ok(()),
            "drop the connection" => Err(russh::Error::Disconnect),
            _ => session.channel_success(id),
        }
    }
}

/// Waits for a command and does what it says, then listens to signals until the client closes the channel.
async fn play(
    mut channel: Channel<Msg>,
    saw: mpsc::UnboundedSender<String>,
    handle: Handle,
    user: &str,
) -> Result<(), russh::Error> {
    let command = loop {
        match channel.wait().await {
            Some(ChannelMsg::Exec { command, .. }) => break String::from_utf8_lossy(&command).into_owned(),
            Some(ChannelMsg::RequestShell { .. }) => return converse(channel, saw).await,
            Some(ChannelMsg::RequestSubsystem { .. }) => {
                match user.strip_prefix(program::USER) {
                    Some(manner) => Program::run(channel, manner, saw).await,
                    None => russh_sftp::server::run(channel.into_stream(), Faulty { saw, handle }).await,
                }
                return Ok(());
            }
            Some(ChannelMsg::Close) | None => {
                let _reader = saw.send("close".into());
                return Ok(());
            }
            Some(_) => {}
        }
    };
    match command.as_str() {
        _ if command.contains(MARK) => wrapped(&command, &mut channel).await?,
        "flood" => {
            for _ in 0..6 {
                channel.extended_data_bytes(STDERR, vec![b'e'; 1 << 20]).await?;
            }
            channel.data_bytes("done\n").await?;
            finish(&channel, 0).await?;
        }
        "deluge" => {
            for _ in 0..20 {
                channel.data_bytes(vec![b'd'; 1 << 20]).await?;
            }
            finish(&channel, 0).await?;
            let _reader = saw.send("deluge is over".into());
        }
        "background" => {
            channel.data_bytes("parent\n").await?;
            channel.exit_status(0).await?;
        }
        "cut midway" => {
            channel.data_bytes("half of").await?;
            handle.disconnect(Disconnect::ByApplication, "maintenance".into(), String::new()).await?;
        }
        "status after eof" => {
            channel.eof().await?;
            channel.data_bytes("late\n").await?;
            channel.exit_status(7).await?;
            channel.close().await?;
        }
        "no status" => channel.close().await?,
        "refuse" | "ignore" | "drop the connection" => {}
        "hang" | "hang hard" | "hang half" | "hang for ever" => channel.data_bytes("started\n").await?,
        other => {
            channel.data_bytes(format!("ran {other}\n")).await?;
            finish(&channel, 0).await?;
        }
    }
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Signal { signal } => {
                let _reader = saw.send(format!("signal {signal:?}"));
                let asked = (command.as_str(), &signal);
                if matches!(asked, ("hang" | "hang half", Sig::TERM) | ("hang hard", Sig::KILL)) {
                    let (message, language) = (String::new(), String::new());
                    let _sent = handle.exit_signal_request(channel.id(), signal, false, message, language).await;
                    // Something in the background still holds the other's channel.
                    if command != "hang half" {
                        channel.close().await?;
                    }
                }
            }
            ChannelMsg::Close => {
                let _reader = saw.send("close".into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Does what a command with a wrapper around it says.
async fn wrapped(command: &str, channel: &mut Channel<Msg>) -> Result<(), russh::Error> {
    let told = command.split_once(MARK).and_then(|(_, rest)| rest.split_once(':')).map_or("", |(word, _)| word);
    let begun = format!("{MARK}{told}:4711\n");
    if command.contains("'ask at once'") {
        channel.data_bytes(format!("{begun}Name: ")).await?;
        while let Some(message) = channel.wait().await {
            if let ChannelMsg::Data { data } = message {
                channel.data_bytes(format!("it is {}", String::from_utf8_lossy(&data))).await?;
                return finish(channel, 0).await;
            }
        }
    } else if command.contains("'leave'") {
        channel.extended_data_bytes(STDERR, "sudo: unknown user: root\n").await?;
        channel.exit_status(1).await?;
    } else if command.contains("'want a terminal'") {
        channel.extended_data_bytes(STDERR, "sudo: sorry, you must have a tty to run sudo\n").await?;
        return finish(channel, 1).await;
    } else if command.contains("'hang'") {
        channel.extended_data_bytes(STDERR, begun).await?;
    }
    Ok(())
}

/// A shell that says what it is told, until it is told `exit`.
async fn converse(mut channel: Channel<Msg>, saw: mpsc::UnboundedSender<String>) -> Result<(), russh::Error> {
    channel.data_bytes("> ").await?;
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } if data == "exit\n" => {
                channel.data_bytes(data).await?;
                finish(&channel, 5).await?;
            }
            ChannelMsg::Data { data } if data == "deluge\n" => {
                for _ in 0..20 {
                    channel.data_bytes(vec![b'd'; 1 << 20]).await?;
                }
                let _reader = saw.send("deluge is over".into());
            }
            ChannelMsg::Data { data } => {
                let _reader = saw.send(format!("typed {}", String::from_utf8_lossy(&data)));
                channel.data_bytes(data).await?;
                channel.data_bytes("> ").await?;
            }
            ChannelMsg::Close => {
                let _reader = saw.send("close".into());
            }
            _ => {}
        }
    }
    Ok(())
}

async fn finish(channel: &Channel<Msg>, status: u32) -> Result<(), russh::Error> {
    channel.exit_status(status).await?;
    channel.eof().await?;
    channel.close().await
}
