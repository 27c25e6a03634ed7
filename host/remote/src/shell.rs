//! An interactive session: a login shell in a terminal (RFC 4254 sections 6.2 and 6.5).

use crate::{Event, Process};
use bytes::Bytes;
use hostler_model::{ErrorKind, Failure, Phase};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How long a server may leave what is typed lying.
const TAKING: Duration = Duration::from_secs(30);

/// A shell that is to be opened.
#[derive(Clone)]
pub struct ShellRequest {
    /// The terminal's type, such as `vt100`.
    pub terminal: String,
    /// Characters in a line.
    pub columns: u32,
    /// Lines on a page.
    pub rows: u32,
    /// Time in which the server must give it.
    pub open_timeout: Duration,
    /// How long it may stay open.
    pub timeout: Duration,
}

/// An open shell. Dropping it closes its channel, whereupon the server hangs up on what runs in it.
///
/// What it shows is an event of its standard output. Whoever holds it takes the events as with a [`Process`]: what
/// nobody takes is lost once 16 MiB wait, never the session held up.
pub struct Shell {
    process: Process,
    keys: mpsc::Sender<Keys>,
}

/// Something that is typed.
pub struct Keys {
    /// As it is sent.
    pub text: Bytes,
    /// Told once it is sent.
    pub sent: oneshot::Sender<()>,
}

impl Shell {
    /// A shell that shows what `process` writes, and whose keys go to the receiver of `keys`.
    pub fn new(process: Process, keys: mpsc::Sender<Keys>) -> Self {
        Self { process, keys }
    }

    /// The next event; `None` after the last. It may be dropped at any await.
    pub async fn next(&mut self) -> Option<Event> {
        self.process.next().await
    }

    /// Types something, and returns once it is sent. Errors: `timeout`, `closed`.
    pub async fn write(&self, text: Bytes) -> Result<(), Failure> {
        let (sent, answer) = oneshot::channel();
        let typing = async {
            self.keys.send(Keys { text, sent }).await.ok()?;
            answer.await.ok()
        };
        match timeout(TAKING, typing).await {
            Ok(Some(())) => Ok(()),
            Ok(None) => {
                let message = "The server has ended the shell: open another one.";
                Err(Failure::new(ErrorKind::Closed, Phase::Exec, message))
            }
            Err(_) => {
                let message = format!("The server takes nothing that is typed for {} seconds.", TAKING.as_secs());
                Err(Failure::new(ErrorKind::Timeout, Phase::Exec, message))
            }
        }
    }

    /// Bytes that were lost so far because nobody took the events.
    pub fn lost(&self) -> u64 {
        self.process.lost()
    }
}
