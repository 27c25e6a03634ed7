//! A network whose servers answer at once, a witness who keeps nothing, and a job for both.

use anyhow::anyhow;
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{Args, AuditEntry, ErrorKind, Exit, Failure, JobId, Moved, Phase, Request, RunResult};
use hostler_plugins::{Audit, Piece, Plugins, Prepared, Progress, Rejection, Witness};
use hostler_remote::{
    Connect, Connector, Deadlines, Event, Exec, Files, Overseer, Process, Session, Shell, ShellRequest, Transfer,
};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

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

    fn server_version(&self) -> Option<String> {
        None
    }
}

/// The document's first example, accepted.
pub(crate) async fn prepare(plugins: &Arc<Plugins>) -> anyhow::Result<Prepared> {
    let Value::Object(connection_args) = json!({"host": "192.0.2.1", "username": "admin", "password": "long enough"})
    else {
        unreachable!("it is an object")
    };
    let request = Request {
        driver: "paramiko".into(),
        command: Some(vec!["uname -a".into()]),
        connection_args: Args::seal("connection_args", connection_args),
        driver_args: Args::seal("driver_args", serde_json::Map::new()),
        ..Request::default()
    };
    plugins.prepare(JobId::new(), "somebody", request).await.map_err(|rejection| match rejection {
        Rejection::Invalid(problems) => anyhow!("{problems:?}"),
        Rejection::Failed(failure) => failure.into(),
    })
}

/// The same, carried out.
pub(crate) async fn execute(prepared: Prepared) -> anyhow::Result<()> {
    let outcome = prepared.execute(Arc::new(Blind), CancellationToken::new()).await;
    outcome.error.map_or(Ok(()), |error| Err(error.into()))
}
