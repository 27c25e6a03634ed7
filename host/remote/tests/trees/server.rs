//! An SSH server with the programs of this machine behind it: OpenSSH's `sftp-server` and a shell, both in a folder of
//! its own. What goes through the former can be counted, held up and changed.

use hostler_model::{Secret, Target};
use hostler_remote::{Authentication, Config, Connect, Connector, HostKeyPolicy, Session};
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config as ServerConfig, Handler, Msg, run_stream};
use russh::{Channel, ChannelId, ChannelMsg};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

/// Where Debian keeps it.
const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";

/// The kind of a request that opens a file (draft-ietf-secsh-filexfer-02 section 3).
const OPEN: u8 = 3;

/// A listening server.
pub(crate) struct Server {
    address: SocketAddr,
    pub(crate) folder: TempDir,
    pub(crate) state: Arc<State>,
}

/// How the server behaves, and what it saw.
#[derive(Default)]
pub(crate) struct State {
    /// Texts in answers, and those of the same length that take their place.
    pub(crate) lies: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
    /// No answer goes out before so many files were asked to be opened.
    held_until: AtomicUsize,
    /// After so many files were asked to be opened, it is at its end; 0: never.
    breaks_off_after: AtomicUsize,
    /// There is no shell.
    pub(crate) has_no_shell: AtomicBool,
    /// Commands that it ran.
    commands: Mutex<Vec<String>>,
    opened: AtomicUsize,
    came: tokio::sync::Notify,
    folder: PathBuf,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let folder = tempfile::tempdir().expect("folder");
        let state = Arc::new(State { folder: folder.path().into(), ..State::default() });
        let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("key");
        let config = Arc::new(ServerConfig { keys: vec![key], ..ServerConfig::default() });
        let guests = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (config, state) = (config.clone(), guests.clone());
                tokio::spawn(async move {
                    if let Ok(session) = run_stream(config, stream, Guest(state)).await {
                        let _end = session.await;
                    }
                });
            }
        });
        Self { address, folder, state }
    }

    pub(crate) async fn session(&self) -> Box<dyn Session> {
        let patience = Duration::from_secs(20);
        let request = Connect {
            target: Target { host: "127.0.0.1".into(), port: self.address.port(), user: "user".into(), jumps: vec![] },
            addresses: vec![self.address],
            authentication: vec![Authentication::Password(Secret::new("open sesame".into()))],
            jumps: vec![],
            host_key_policy: HostKeyPolicy::Warning,
            host_keys: vec![],
            compress: false,
            bulk: false,
            keepalive: None,
            reuse: false,
            connect_timeout: patience,
            banner_timeout: patience,
            auth_timeout: patience,
        };
        let config = Config { known_hosts: "/nonexistent/known_hosts".into(), ..Config::default() };
        config.build().expect("engine").connect(request).await.expect("a session")
    }
}

struct Guest(Arc<State>);

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
        reply.accept().await;
        let state = self.0.clone();
        tokio::spawn(async move { state.serve(channel).await });
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        _: &[u8],
        session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        if self.0.has_no_shell.load(Ordering::Relaxed) {
            session.channel_failure(id)
        } else {
            session.channel_success(id)
        }
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _: &str,
        session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(id)
    }
}

impl State {
    /// From now on, and for the next transfer.
    pub(crate) fn hold_until(&self, files: usize) {
        self.opened.store(0, Ordering::Relaxed);
        self.held_until.store(files, Ordering::Relaxed);
    }

    pub(crate) fn break_off_after(&self, files: usize) {
        self.breaks_off_after.store(files, Ordering::Relaxed);
    }

    /// Commands that it ran.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs the program that the client asks for.
    async fn serve(&self, mut channel: Channel<Msg>) -> Option<()> {
        let (mut program, is_sftp) = loop {
            match channel.wait().await? {
                ChannelMsg::Exec { .. } if self.has_no_shell.load(Ordering::Relaxed) => return None,
                ChannelMsg::Exec { command, .. } => {
                    let command = String::from_utf8_lossy(&command).into_owned();
                    self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command.clone());
                    let mut shell = Command::new("sh");
                    shell.args(["-c", &command]);
                    break (shell, false);
                }
                ChannelMsg::RequestSubsystem { .. } => break (Command::new(SFTP_SERVER), true),
                _ => {}
            }
        };
        program.current_dir(&self.folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = program.kill_on_drop(true).spawn().expect("the program: run `make setup`");
        let (mut input, mut output) = (program.stdin.take()?, program.stdout.take()?);
        let (mut read, write) = channel.split();
        let fed = async {
            let mut requests = Frames::default();
            while let Some(message) = read.wait().await {
                match message {
                    ChannelMsg::Data { data } => {
                        let opens = requests.take(&data).iter().filter(|frame| frame.get(4) == Some(&OPEN)).count();
                        if is_sftp {
                            self.opened.fetch_add(opens, Ordering::Relaxed);
                            self.came.notify_one();
                        }
                        input.write_all(&data).await.ok()?;
                    }
                    ChannelMsg::Eof if !is_sftp => break,
                    ChannelMsg::Close => return None,
                    _ => {}
                }
            }
            drop(input);
            // Until the client closes it, or the program is at its end.
            std::future::pending().await
        };
        let told = async {
            let (mut answers, mut block) = (Frames::default(), vec![0; 64 << 10]);
            loop {
                let size = output.read(&mut block).await.ok().filter(|size| *size > 0)?;
                if !is_sftp {
                    write.data_bytes(block[..size].to_vec()).await.ok()?;
                    continue;
                }
                if (1..=self.opened.load(Ordering::Relaxed)).contains(&self.breaks_off_after.load(Ordering::Relaxed)) {
                    return None;
                }
                for answer in answers.take(&block[..size]) {
                    // Not those to the greeting and to what is asked before files are opened.
                    while (1..self.held_until.load(Ordering::Relaxed)).contains(&self.opened.load(Ordering::Relaxed)) {
                        self.came.notified().await;
                    }
                    write.data_bytes(self.falsified(answer)).await.ok()?;
                }
            }
        };
        let _whichever_ends: Option<()> = tokio::select! {
            ended = fed => ended,
            ended = told => ended,
        };
        drop(program.start_kill());
        let status = program.wait().await.ok()?.code().and_then(|code| u32::try_from(code).ok());
        write.exit_status(status.unwrap_or(255)).await.ok()?;
        write.close().await.ok()
    }

    fn falsified(&self, mut answer: Vec<u8>) -> Vec<u8> {
        for (truth, lie) in &*self.lies.lock().unwrap_or_else(PoisonError::into_inner) {
            while let Some(at) = answer.windows(truth.len()).position(|window| window == truth) {
                answer[at..at + lie.len()].copy_from_slice(lie);
            }
        }
        answer
    }
}

/// Cuts a stream into packets.
#[derive(Default)]
struct Frames(Vec<u8>);

impl Frames {
    fn take(&mut self, data: &[u8]) -> Vec<Vec<u8>> {
        self.0.extend_from_slice(data);
        let mut frames = Vec::new();
        while let Some((size, _)) = self.0.split_first_chunk::<4>() {
            let size = 4 + u32::from_be_bytes(*size) as usize;
            if self.0.len() < size {
                break;
            }
            let rest = self.0.split_off(size);
            frames.push(std::mem::replace(&mut self.0, rest));
        }
        frames
    }
}
