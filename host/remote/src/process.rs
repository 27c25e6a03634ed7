//! A command on its way.

use bytes::Bytes;
use hostler_model::{Exit, Failure, Secret};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Output that may wait for its reader, in bytes.
const MAX_WAITING: usize = 16 << 20;

/// What one event costs besides its bytes, so that a flood of tiny packets is bounded too.
const EVENT_COST: usize = 128;

/// A command and what belongs to it. Wrappers around it are made here and nowhere else.
#[derive(Clone, Default)]
pub struct Exec {
    /// Goes to the login shell as it is.
    pub command: String,
    /// Variables for this command only.
    pub environment: Vec<(String, String)>,
    /// Where it starts. Absent: the user's home.
    pub working_directory: Option<String>,
    /// As whom it runs by sudo. Absent: as the user who logged in.
    pub elevation: Option<Elevation>,
    /// Whether it gets a terminal; standard error is then part of standard output.
    pub pty: bool,
    /// What it reads. Absent: nothing, its standard input is closed.
    pub stdin: Option<Bytes>,
    /// What to type, with a newline, whenever it shows one of these texts: prompt and reply.
    pub answers: Vec<(String, String)>,
    /// Wall clock from start to end.
    pub timeout: Duration,
}

/// How a command gets another user's rights.
#[derive(Clone)]
pub struct Elevation {
    /// Whose rights: `root`, unless something else is asked.
    pub user: String,
    /// What sudo gets if it asks, and only then.
    pub password: Option<Secret>,
}

/// What a process does.
#[derive(Clone, Debug)]
pub enum Event {
    /// It wrote to standard output.
    Stdout(Bytes),
    /// It wrote to standard error.
    Stderr(Bytes),
    /// It ended, or was given up; always the last event.
    Ended(Result<Exit, Failure>),
    /// It was stopped, as [`Process::stop`] asked, and whether its end was seen; always the last event.
    Stopped {
        /// If not, it may still run.
        confirmed: bool,
    },
}

impl Event {
    fn size(&self) -> usize {
        match self {
            Self::Stdout(data) | Self::Stderr(data) => data.len(),
            Self::Ended(_) | Self::Stopped { .. } => 0,
        }
    }
}

/// Counts the output between a pump and its reader.
#[derive(Default)]
pub(crate) struct Backlog {
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl Backlog {
    /// Whether there is room for an event; if not, it counts as lost.
    pub(crate) fn admits(&self, event: &Event) -> bool {
        let cost = event.size() + EVENT_COST;
        if matches!(event, Event::Ended(_) | Event::Stopped { .. })
            || self.waiting.load(Ordering::Relaxed) + cost <= MAX_WAITING
        {
            self.waiting.fetch_add(cost, Ordering::Relaxed);
            return true;
        }
        self.lost.fetch_add(event.size() as u64, Ordering::Relaxed);
        false
    }

    fn taken(&self, event: &Event) {
        self.waiting.fetch_sub(event.size() + EVENT_COST, Ordering::Relaxed);
    }
}

/// A running command. Dropping it stops the command as far as the server allows.
///
/// Whoever holds it must take the events as they come and keep or drop the bytes: the session is
/// never held up by a slow reader, so once 16 MiB wait, more output is lost until there is room.
pub struct Process {
    events: mpsc::UnboundedReceiver<Event>,
    backlog: Option<Arc<Backlog>>,
    stop: Option<CancellationToken>,
}

/// What a process shares with its pump.
#[derive(Clone, Default)]
pub(crate) struct Control {
    pub(crate) backlog: Arc<Backlog>,
    /// The command is to be stopped.
    pub(crate) stop: CancellationToken,
}

impl Process {
    /// A process whose events come from `events`. The sender bounds what it queues.
    pub fn new(events: mpsc::UnboundedReceiver<Event>) -> Self {
        Self { events, backlog: None, stop: None }
    }

    /// The same, of a process that is asked to stop by `stop` and then sends [`Event::Stopped`].
    pub fn stoppable(events: mpsc::UnboundedReceiver<Event>, stop: CancellationToken) -> Self {
        Self { events, backlog: None, stop: Some(stop) }
    }

    /// The process of a pump.
    pub(crate) fn controlled(events: mpsc::UnboundedReceiver<Event>, Control { backlog, stop }: Control) -> Self {
        Self { events, backlog: Some(backlog), stop: Some(stop) }
    }

    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await?;
        if let Some(backlog) = &self.backlog {
            backlog.taken(&event);
        }
        Some(event)
    }

    /// Asks for the command to be stopped. What it still writes comes as events, then [`Event::Stopped`].
    pub fn stop(&mut self) {
        match &self.stop {
            Some(stop) => stop.cancel(),
            None => self.events.close(),
        }
    }

    /// Bytes of output, of both streams, that were lost so far because nobody took the events.
    pub fn lost(&self) -> u64 {
        self.backlog.as_ref().map_or(0, |backlog| backlog.lost.load(Ordering::Relaxed))
    }
}
