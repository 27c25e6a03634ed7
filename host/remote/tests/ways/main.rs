//! The ways to a server: through jump hosts, over shared connections, in turn.

mod jumps;
mod limits;
mod pool;
#[path = "../shared/request.rs"]
mod request;
mod server;

use hostler_model::{ErrorKind, Exit, Failure, Phase};
use hostler_remote::{Config, Connect, Connector, Engine, Event, Exec, Process, Session};
use std::time::Duration;
use tempfile::TempDir;

/// An engine with a folder of its own.
struct Client {
    engine: Engine,
    folder: TempDir,
}

impl Client {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let engine = Config { known_hosts: folder.path().join("known_hosts"), ..config }.build().expect("engine");
        Self { engine, folder }
    }

    async fn open(&self, request: Connect) -> Box<dyn Session> {
        self.engine.connect(request).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    async fn refusal(&self, request: Connect) -> Failure {
        self.engine.connect(request).await.err().expect("refused")
    }
}

fn exec(command: &str) -> Exec {
    Exec { command: command.into(), timeout: Duration::from_mins(1), ..Exec::default() }
}

async fn start(session: &dyn Session, command: &str) -> Process {
    session.start(exec(command)).await.unwrap_or_else(|failure| panic!("{failure}"))
}

/// The size of a command's output, its first bytes as text, and how it ended.
async fn end(mut process: Process) -> (usize, String, Result<Exit, Failure>) {
    let (mut size, mut text) = (0, String::new());
    while let Some(event) = process.next().await {
        match event {
            Event::Stdout(data) | Event::Stderr(data) => {
                size += data.len();
                if text.len() < 100 {
                    text += &String::from_utf8_lossy(&data);
                }
            }
            Event::Ended(end) => return (size, text, end),
            Event::Stopped { .. } => {
                return (size, text, Err(Failure::new(ErrorKind::Canceled, Phase::Exec, "it was stopped")));
            }
        }
    }
    panic!("a process ends with an event");
}

/// Runs a command that succeeds, and gives what it wrote.
async fn run(session: &dyn Session, command: &str) -> String {
    let (_, text, end) = end(start(session, command).await).await;
    assert_eq!(end, Ok(Exit::Status(0)));
    text
}
