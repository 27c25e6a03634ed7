//! Servers that follow a script, and a tape of what reached them.

use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{AuditEntry, ErrorKind, Failure, Moved, Phase};
use hostler_plugins::{Audit, Piece, Witness};
use hostler_remote::{
    Connect, Connector, Deadlines, Event, Exec, Files, Overseer, Process, Session, Shell, ShellRequest, Transfer,
};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tape {
    Resolve,
    Connect,
    BeforeEffect,
    Start,
    Close,
}

/// A network, a server and a witness in one.
pub(crate) struct Script {
    tape: Mutex<Vec<Tape>>,
    /// What each command does; `None`: it never ends.
    events: Option<Vec<Event>>,
    /// Live output: the stream, the offset and the text of each piece.
    heard: Mutex<Vec<String>>,
    /// What was decided.
    decisions: Mutex<Vec<AuditEntry>>,
    refuses_effects: AtomicBool,
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
            decisions: Mutex::default(),
            refuses_effects: AtomicBool::new(false),
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

    /// What was written down.
    pub(crate) fn decisions(&self) -> Vec<AuditEntry> {
        self.decisions.lock().expect("unpoisoned").clone()
    }

    /// Waits until a command runs.
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
        self.decisions.lock().expect("unpoisoned").push(entry);
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

    fn transfer(&self, _: Transfer, _: Arc<dyn Overseer>) -> BoxFuture<'_, Result<Moved, Failure>> {
        unreachable!("the script moves no files")
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
