//! A command on its way.

use bytes::Bytes;
use hostler_model::{Exit, Failure};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// What one event costs besides its bytes, so that a flood of tiny packets is bounded too.
const EVENT_COST: usize = 128;

/// A command and what belongs to it.
#[derive(Clone, Debug)]
pub struct Exec {
    /// Goes to the login shell as it is.
    pub command: String,
    /// Variables for this command only.
    pub environment: Vec<(String, String)>,
    /// Wall clock from start to end.
    pub timeout: Duration,
}

/// What a process does.
#[derive(Debug)]
pub enum Event {
    /// It wrote to standard output.
    Stdout(Bytes),
    /// It wrote to standard error.
    Stderr(Bytes),
    /// It ended, or was given up; always the last event.
    Ended(Result<Exit, Failure>),
}

impl Event {
    /// Bytes of memory that it holds while it waits, about.
    pub(crate) fn cost(&self) -> usize {
        match self {
            Self::Stdout(data) | Self::Stderr(data) => data.len() + EVENT_COST,
            Self::Ended(_) => 0,
        }
    }
}

/// A running command. Dropping it stops the command as far as the server allows.
///
/// Whoever holds it must take the events as they come and keep or drop the bytes: the session is
/// never held up by a slow reader, so of what waits beyond 16 MiB, output is lost.
pub struct Process {
    events: mpsc::UnboundedReceiver<Event>,
    queued: Arc<AtomicUsize>,
}

impl Process {
    /// A process whose events come from `events`. The sender bounds what it queues.
    pub fn new(events: mpsc::UnboundedReceiver<Event>) -> Self {
        Self::counted(events, Arc::default())
    }

    /// The same, where `queued` is the cost of the events that wait.
    pub(crate) fn counted(events: mpsc::UnboundedReceiver<Event>, queued: Arc<AtomicUsize>) -> Self {
        Self { events, queued }
    }

    /// The next event; `None` after [`Event::Ended`].
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await?;
        // A sender that does not count leaves this at 0: wrapping is harmless then.
        self.queued.fetch_sub(event.cost(), Ordering::Relaxed);
        Some(event)
    }
}
