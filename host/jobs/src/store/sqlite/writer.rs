//! The one thread that writes to the database.

use crate::failures;
use hostler_model::Failure;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, iter};
use tokio::sync::{Notify, oneshot};

/// How long what nobody waits for may wait itself, for a change to be committed with.
const COMPANY: Duration = Duration::from_millis(20);

/// What is to be changed.
enum Change {
    /// Somebody waits until it is on disk.
    Awaited(Make),
    /// Nobody does.
    Note(Make),
}

/// Makes a change within the transaction that is open, and yields how to answer it.
type Make = Box<dyn FnOnce(&Connection) -> Answer + Send>;
/// Called once the change is on disk; dropped if it could not be brought there.
type Answer = Box<dyn FnOnce()>;

/// Group commit: everything that waits goes into one transaction, because bringing it to the disk
/// costs as much for one change as for hundreds. Notes alone wait a moment for a change that takes them along: those of a
/// job are followed by its next step. Dropping it waits until all is written.
pub(super) struct Writer {
    inbox: Option<mpsc::Sender<Change>>,
    committed: Arc<Notify>,
    commits: Histogram,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let (inbox, waiting) = mpsc::channel::<Change>();
        let committed = Arc::new(Notify::new());
        // From a twentieth of a millisecond to a second.
        let commits = Histogram::new(exponential_buckets(0.00005, 3.0, 10));
        let (told, timed) = (Arc::clone(&committed), commits.clone());
        let thread = thread::Builder::new().name("job-store".into()).spawn(move || {
            let mut gathered = VecDeque::new();
            loop {
                if gathered.is_empty() {
                    gathered = gather(&waiting);
                }
                let Some(first) = gathered.pop_front() else { break };
                let rest = iter::from_fn(|| gathered.pop_front().or_else(|| waiting.try_recv().ok()));
                let begun = Instant::now();
                match commit(&connection, iter::once(first).chain(rest)) {
                    Ok(()) => told.notify_one(),
                    Err(error) => tracing::error!(%error, "changes of jobs could not be stored"),
                }
                timed.observe(begun.elapsed().as_secs_f64());
            }
        })?;
        Ok(Self { inbox: Some(inbox), committed, commits, thread: Some(thread) })
    }

    /// Returns when something has been committed since this was called last. For one who waits, not for many.
    pub(super) async fn committed(&self) {
        self.committed.notified().await;
    }

    /// How long commits take, in seconds.
    pub(super) fn commits(&self) -> Histogram {
        self.commits.clone()
    }

    /// Makes a change; answers when it is on disk. The closure must make at most one changing
    /// statement, so that one that fails leaves nothing behind: see [`Writer::change_together`].
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let make: Make = Box::new(move |connection| {
            // Where sending fails, nobody waits for the answer any more.
            match change(connection) {
                Ok(done) => Box::new(move || drop(answer.send(Ok(done)))),
                // What did not take place waits for no commit, which may fail for the same reason.
                Err(error) => {
                    drop(answer.send(Err(error)));
                    Box::new(|| {})
                }
            }
        });
        let inbox = self.inbox.as_ref().expect("it is there until drop");
        inbox.send(Change::Awaited(make)).map_err(|_| failures::store("the writing thread has ended"))?;
        answered.await.map_err(|_| failures::store("the transaction failed"))?.map_err(failures::store)
    }

    /// The same for a change of several statements: if one fails, none took place.
    pub(super) async fn change_together<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.change(move |connection| {
            let mark = |sql: &str| connection.prepare_cached(sql)?.execute([]);
            mark("SAVEPOINT together")?;
            let result = change(connection);
            // Where SQLite gave the whole transaction up, nothing is left to take back.
            if result.is_err() && !connection.is_autocommit() {
                mark("ROLLBACK TO together")?;
            }
            if !connection.is_autocommit() {
                mark("RELEASE together")?;
            }
            result
        })
        .await
    }

    /// Makes a change, in its turn, for which nobody waits; a moment later if nothing else is to be written. The log names
    /// `what` was not written down.
    pub(super) fn note(
        &self,
        what: &'static str,
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) {
        let make: Make = Box::new(move |connection| {
            if let Err(error) = change(connection) {
                tracing::error!(%error, "{what} could not be written down");
            }
            Box::new(|| {})
        });
        let inbox = self.inbox.as_ref().expect("it is there until drop");
        if inbox.send(Change::Note(make)).is_err() {
            tracing::error!("{what} could not be written down: the writing thread has ended");
        }
    }
}

/// The next change; and as long as nobody waits for any of it, what comes a moment later. Nothing when nothing will come.
fn gather(waiting: &mpsc::Receiver<Change>) -> VecDeque<Change> {
    let mut changes = VecDeque::from_iter(waiting.recv());
    let until = Instant::now() + COMPANY;
    while let Some(Change::Note(_)) = changes.back() {
        let Ok(next) = waiting.recv_timeout(until.saturating_duration_since(Instant::now())) else { break };
        changes.push_back(next);
    }
    changes
}

fn commit(connection: &Connection, changes: impl Iterator<Item = Change>) -> rusqlite::Result<()> {
    // Not as the library begins and ends one: it would have both parsed each time.
    let execute = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(drop);
    execute("BEGIN IMMEDIATE")?;
    let mut answers = Vec::new();
    for Change::Awaited(make) | Change::Note(make) in changes {
        answers.push(make(connection));
        // SQLite gave the transaction up (disk full, I/O error): the commit below fails, and what
        // still waits gets a transaction of its own.
        if connection.is_autocommit() {
            break;
        }
    }
    if let Err(error) = execute("COMMIT") {
        if !connection.is_autocommit() {
            execute("ROLLBACK")?;
        }
        return Err(error);
    }
    for answer in answers {
        answer();
    }
    Ok(())
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.inbox.take());
        if let Some(thread) = self.thread.take() {
            // It panicked; whoever waited for it was told.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
