//! Servers that follow a script, and a tape of what reached them.

use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_files::Files;
use hostler_model::{AuditEntry, AuditEvent, Direction, ErrorKind, Failure, Moved, NotMoved, Phase, RunResult};
use hostler_plugins::{Audit, Piece, Progress, Witness};
use hostler_remote::{
    Connect, Connector, Deadlines, Event, Exec, Files, Overseer, Process, Session, Shell, ShellRequest, Step, Transfer,
};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tape {
    Resolve,
    Connect,
    BeforeEffect,
    Start,
    Transfer,
    Moved,
    Close,
}

/// Bytes of the file that a transfer moves.
pub(crate) const SIZE: u64 = 5;

/// A network, a server and a witness in one.
pub(crate) struct Script {
    tape: Mutex<Vec<Tape>>,
    /// What each command does; `None`: it never ends.
    events: Option<Vec<Event>>,
    /// Live output: the stream, the offset and the text of each piece.
    heard: Mutex<Vec<String>>,
    /// What was decided, and what was done.
    audit: Mutex<Vec<AuditEntry>>,
    refuses_effects: AtomicBool,
    /// How far transfers were.
    progress: Mutex<Vec<(u32, Progress)>>,
    /// Where the daemon's files lie.
    data: TempDir,
    started: Notify,
    let_go: Arc<Notify>,
}

impl Script {
    /// Each command of the job does this.
    pub(crate) fn new(events: Vec<Event>) -> Arc<Self> {
        Self::of(Some(events))
    }

    /// Each command of the job never ends.
    pub(crate) fn endless() -> Arc<Self> {
        Self::of(None)
    }

    fn of(events: Option<Vec<Event>>) -> Arc<Self> {
        Arc::new(Self {
            tape: Mutex::default(),
            events,
            heard: Mutex::default(),
            audit: Mutex::default(),
            refuses_effects: AtomicBool::new(false),
            progress: Mutex::default(),
            data: tempfile::tempdir().expect("a folder"),
            started: Notify::new(),
            let_go: Arc::default(),
        })
    }

    pub(crate) fn refuse_effects(&self) {
        self.refuses_effects.store(true, Ordering::Relaxed);
    }

    pub(crate) fn tape(&self) -> Vec<Tape> {
        self.tape.lock().expect("unpoisoned").clone()
    }

    /// The pieces of live output, each as `stream offset text`.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("unpoisoned").clone()
    }

    /// What was written to the audit.
    pub(crate) fn audit(&self) -> Vec<AuditEntry> {
        self.audit.lock().expect("unpoisoned").clone()
    }

    /// What was written down.
    pub(crate) fn decisions(&self) -> Vec<AuditEntry> {
        self.audit().into_iter().filter(|line| line.event != AuditEvent::Executed).collect()
    }

    /// How far transfers were: the result that each will be, and how far it was.
    pub(crate) fn progress(&self) -> Vec<(u32, Progress)> {
        self.progress.lock().expect("unpoisoned").clone()
    }

    /// The only root of the daemon's files.
    pub(crate) fn files(&self) -> PathBuf {
        self.data.path().canonicalize().expect("it exists").join("files")
    }

    /// The daemon's files, where nothing is configured.
    pub(crate) fn lent(&self) -> Files {
        for folder in ["files", "staged"] {
            fs::create_dir_all(self.data.path().join(folder)).expect("a folder");
        }
        let config = hostler_files::Config { data: self.data.path().into(), ..hostler_files::Config::default() };
        config.build().expect("the folders are there")
    }

    /// Waits until a command or a transfer runs.
    pub(crate) async fn started(&self) {
        self.started.notified().await;
    }

    /// Waits until nobody holds the endless command any more.
    pub(crate) async fn let_go(&self) {
        self.let_go.notified().await;
    }

    fn record(&self, entry: Tape) {
        self.tape.lock().expect("unpoisoned").push(entry);
    }
}

impl Audit for Script {
    fn record(&self, entry: AuditEntry) {
        self.audit.lock().expect("unpoisoned").push(entry);
    }
}

impl Witness for Script {
    fn before_effect(&self) -> BoxFuture<'_, Result<(), Failure>> {
        self.record(Tape::BeforeEffect);
        let refused = Failure::new(ErrorKind::Internal, Phase::Store, "the disk is full");
        let answer = if self.refuses_effects.load(Ordering::Relaxed) { Err(refused) } else { Ok(()) };
        async { answer }.boxed()
    }

    fn output(&self, piece: Piece<'_>) {
        let text = String::from_utf8_lossy(piece.bytes);
        let line = format!("{} {} {text}", piece.stream, piece.offset);
        self.heard.lock().expect("unpoisoned").push(line);
    }

    fn progress(&self, run: u32, progress: &Progress) {
        self.progress.lock().expect("unpoisoned").push((run, progress.clone()));
    }

    fn ran(&self, run: u32, result: &RunResult) {
        self.heard.lock().expect("unpoisoned").push(format!("{run} ran {}", result.command));
    }
}

/// The network of the tests: a handle on the script, so that sessions can hold one too.
pub(crate) struct Network(pub(crate) Arc<Script>);

impl Connector for Network {
    fn deadlines(&self) -> Deadlines {
        let long = Duration::from_mins(1);
        Deadlines { connect: long, banner: long, auth: long }
    }

    fn resolve<'a>(&'a self, _: &'a str, port: u16, _: Duration) -> BoxFuture<'a, Result<Vec<SocketAddr>, Failure>> {
        self.0.record(Tape::Resolve);
        async move { Ok(vec![SocketAddr::from(([192, 0, 2, 7], port))]) }.boxed()
    }

    fn connect(&self, _: Connect) -> BoxFuture<'_, Result<Box<dyn Session>, Failure>> {
        self.0.record(Tape::Connect);
        let session = Self(Arc::clone(&self.0));
        async { Ok(Box::new(session) as Box<dyn Session>) }.boxed()
    }
}

impl Session for Network {
    fn start(&self, _: Exec) -> BoxFuture<'_, Result<Process, Failure>> {
        self.0.record(Tape::Start);
        let (sender, receiver) = mpsc::unbounded_channel();
        if let Some(events) = self.0.events.clone() {
            for event in events {
                sender.send(event).expect("the receiver is here");
            }
        } else {
            let let_go = Arc::clone(&self.0.let_go);
            tokio::spawn(async move {
                sender.closed().await;
                let_go.notify_one();
            });
        }
        self.0.started.notify_one();
        async { Ok(Process::new(receiver)) }.boxed()
    }

    fn shell(&self, _: ShellRequest) -> BoxFuture<'_, Result<Shell, Failure>> {
        unreachable!("the built-in driver opens no shell")
    }

    fn files(&self) -> BoxFuture<'_, Result<Box<dyn Files>, Failure>> {
        let none = Failure::new(ErrorKind::Unsupported, Phase::Transfer, "the script has no files");
        async { Err(none) }.boxed()
    }

    fn transfer(&self, transfer: Transfer, overseer: Arc<dyn Overseer>) -> BoxFuture<'_, Result<Moved, Failure>> {
        self.0.record(Tape::Transfer);
        self.0.started.notify_one();
        if self.0.events.is_none() {
            let let_go = LetGo(Arc::clone(&self.0.let_go));
            return async move {
                let _held = let_go;
                std::future::pending().await
            }
            .boxed();
        }
        self.carry(transfer, overseer).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.record(Tape::Close);
        async {}.boxed()
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn reused(&self) -> bool {
        false
    }
}

impl Network {
    /// Asks for what a transfer of one file needs, and then has done it. A recursive one leaves one file out.
    async fn carry(&self, transfer: Transfer, overseer: Arc<dyn Overseer>) -> Result<Moved, Failure> {
        let (remote, local) = (&*transfer.remote, &*transfer.local.shown);
        let step = match transfer.direction {
            Direction::Upload => Step::Write { remote, local, size: SIZE },
            Direction::Download => Step::Read { remote, local, size: Some(SIZE) },
        };
        overseer.admit(step).await?;
        self.0.record(Tape::Moved);
        overseer.progress(&Progress { file: remote.into(), bytes: 4, total: SIZE, rate: 1 });
        let hashed = overseer.admit(Step::Exec(&exec("sha256sum file"))).await;
        let failures: Vec<_> = transfer
            .recursive
            .then(|| NotMoved { path: "left".into(), reason: "it is a device".into() })
            .into_iter()
            .collect();
        Ok(Moved {
            direction: transfer.direction,
            local_path: local.into(),
            remote_path: remote.into(),
            files: 1,
            skipped: 0,
            failed: failures.len() as u64,
            bytes: SIZE,
            total: SIZE,
            resumed: 0,
            restarted: None,
            atomic: true,
            request_size: transfer.request_size,
            hash: None,
            failures,
            staged: None,
            warnings: hashed.err().map(|failure| failure.message).into_iter().collect(),
        })
    }
}

fn exec(command: &str) -> Exec {
    Exec {
        command: command.into(),
        environment: Vec::new(),
        working_directory: None,
        elevation: None,
        pty: false,
        stdin: None,
        answers: Vec::new(),
        timeout: Duration::ZERO,
    }
}

/// Tells when it is dropped.
struct LetGo(Arc<Notify>);

impl Drop for LetGo {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
