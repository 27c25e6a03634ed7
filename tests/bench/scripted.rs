//! A network whose servers answer at once, and a witness who keeps nothing.

use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{AuditEntry, ErrorKind, Exit, Failure, Moved, Phase, RunResult};
use hostler_plugins::{Audit, Piece, Progress, Witness};
use hostler_remote::{
    Connect, Connector, Deadlines, Event, Exec, Files, Overseer, Process, Session, Shell, ShellRequest, Transfer,
};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Keeps nothing.
pub(crate) struct Blind;

impl Audit for Blind {
    fn record(&self, _: AuditEntry) {}
}

impl Witness for Blind {
    fn output(&self, _: Piece<'_>) {}

    fn progress(&self, _: u32, _: &Progress) {}

    fn ran(&self, _: u32, _: &RunResult) {}

    fn before_effect(&self) -> BoxFuture<'_, Result<(), Failure>> {
        async { Ok(()) }.boxed()
    }
}

/// Folders for files that nobody moves, in this one.
pub(crate) fn files(data: &Path) -> anyhow::Result<hostler_files::Files> {
    for folder in ["files", "staged"] {
        fs::create_dir_all(data.join(folder))?;
    }
    Ok(hostler_files::Config { data: data.into(), ..hostler_files::Config::default() }.build()?)
}

/// Servers that answer at once.
pub(crate) struct Scripted;

impl Connector for Scripted {
    fn deadlines(&self) -> Deadlines {
        let second = Duration::from_secs(1);
        Deadlines { connect: second, banner: second, auth: second }
    }

    fn resolve<'a>(&'a self, _: &'a str, port: u16, _: Duration) -> BoxFuture<'a, Result<Vec<SocketAddr>, Failure>> {
        async move { Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))]) }.boxed()
    }

    fn connect(&self, _: Connect) -> BoxFuture<'_, Result<Box<dyn Session>, Failure>> {
        async { Ok(Box::new(Self) as Box<dyn Session>) }.boxed()
    }
}

impl Session for Scripted {
    fn start(&self, _: Exec) -> BoxFuture<'_, Result<Process, Failure>> {
        let (sender, events) = mpsc::unbounded_channel();
        for event in [Event::Stdout("Linux\n".into()), Event::Ended(Ok(Exit::Status(0)))] {
            sender.send(event).expect("the receiver is here");
        }
        async { Ok(Process::new(events)) }.boxed()
    }

    fn shell(&self, _: ShellRequest) -> BoxFuture<'_, Result<Shell, Failure>> {
        unreachable!("the driver runs commands only")
    }

    fn files(&self) -> BoxFuture<'_, Result<Box<dyn Files>, Failure>> {
        async { Err(Failure::new(ErrorKind::Unsupported, Phase::Transfer, "it has no files")) }.boxed()
    }

    fn transfer(&self, _: Transfer, _: Arc<dyn Overseer>) -> BoxFuture<'_, Result<Moved, Failure>> {
        unreachable!("the driver runs commands only")
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn reused(&self) -> bool {
        false
    }
}
