//! A command at a server of the script.

use super::script::Server;
use bytes::Bytes;
use hostler_model::{ErrorKind, Exit, Failure, Phase};
use hostler_remote::{Event, Exec, Process};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio_util::sync::CancellationToken;

/// What a shell answers where it finds no such command.
const NOT_FOUND: u32 = 127;

/// Starts a command, which writes all that it has to say at once.
pub(super) fn start(server: &Server, exec: &Exec) -> Process {
    let (events, received) = mpsc::unbounded_channel();
    let tell = |event| {
        // Whoever asked holds the other end until this function is over.
        let _heard = events.send(event);
    };
    let (stdout, stderr, exit) = match server.command(&exec.command) {
        Some(command) => (command.stdout.clone(), command.stderr.clone(), command.exit.clone()),
        None => (String::new(), format!("{}: command not found\n", exec.command), Some(Exit::Status(NOT_FOUND))),
    };
    tell(Event::Stdout(stdout.into()));
    // A terminal has one stream.
    let stderr = Bytes::from(stderr);
    tell(if exec.pty { Event::Stdout(stderr) } else { Event::Stderr(stderr) });
    let stop = CancellationToken::new();
    match exit {
        Some(exit) => tell(Event::Ended(Ok(exit))),
        None => drop(tokio::spawn(hang(events, stop.clone(), exec.timeout))),
    }
    Process::stoppable(received, stop)
}

/// Runs until it is stopped, its time is up, or nobody wants it any more.
async fn hang(events: UnboundedSender<Event>, stop: CancellationToken, timeout: Duration) {
    let last = tokio::select! {
        () = stop.cancelled() => Event::Stopped { confirmed: true },
        () = tokio::time::sleep(timeout) => Event::Ended(Err(late(timeout))),
        () = events.closed() => return,
    };
    // If nobody listens any more, nobody has to be told.
    let _heard = events.send(last);
}

fn late(timeout: Duration) -> Failure {
    let message = format!("The command did not end within {} seconds; it was stopped.", timeout.as_secs_f64());
    Failure::new(ErrorKind::Timeout, Phase::Exec, message)
}
