//! A session: the right of one request to run commands over a connection.

use crate::handshake::{Notes, Verifier};
use crate::link::Link;
use crate::opener::Opener;
use crate::pool::{Lease, Pool};
use crate::process::Control;
use crate::pump::Pump;
use crate::{Connect, Exec, Process, Session};
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Phase};
use russh::client::Handle;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the end of a session waits for running commands to be stopped: as long as stopping one takes.
const LAST_ORDERS: Duration = Duration::from_secs(6);

/// Connections that one command is tried on, if servers have no room for it.
const MAX_MOVES: usize = 3;

/// The real session.
pub(crate) struct Connection {
    opener: Arc<Opener>,
    pool: Arc<Pool>,
    request: Connect,
    idle: Duration,
    /// The last one is used for what starts next; commands may still run on those before it.
    seats: Mutex<Vec<Seat>>,
    /// A command may have been executed.
    executed: AtomicBool,
}

/// A session's share in a connection.
struct Seat {
    line: Arc<Line>,
    lease: Lease,
}

/// What a session shares with the pumps of its commands.
pub(crate) struct Line {
    pub(crate) handle: Arc<Handle<Verifier>>,
    /// Who logged in.
    pub(crate) user: Arc<str>,
    pub(crate) notes: Arc<Notes>,
    /// The session is over: every pump stops its command.
    pub(crate) closing: CancellationToken,
    pub(crate) pumps: TaskTracker,
}

/// Why a command was not started.
pub(crate) enum NotStarted {
    /// It got no channel, so that nothing of it was executed.
    NoChannel(Failure),
    /// The server may have got it.
    Failed(Failure),
}

impl From<Failure> for NotStarted {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Line {
    fn new(link: &Link) -> Arc<Self> {
        let (handle, notes, user) = (link.handle.clone(), link.notes.clone(), link.target.user.as_str().into());
        Arc::new(Self { handle, user, notes, closing: CancellationToken::new(), pumps: TaskTracker::new() })
    }

    async fn start(self: &Arc<Self>, exec: Exec) -> Result<Process, NotStarted> {
        let (events, receiver) = mpsc::unbounded_channel();
        let (started, answer) = oneshot::channel();
        let control = Control::default();
        let pump = Pump::new(self.clone(), exec, events, control.clone());
        // From here on the task owns the channel, so that whoever gives up leaves none behind.
        self.pumps.spawn(pump.run(started));
        answer.await.unwrap_or_else(|_| Err(self.notes.lost(Phase::Exec).into()))?;
        Ok(Process::controlled(receiver, control))
    }
}

impl Seat {
    fn new(lease: Lease) -> Self {
        Self { line: Line::new(&lease.link), lease }
    }

    /// Stops what runs, and only then gives the connection back.
    async fn leave(self) {
        self.line.closing.cancel();
        self.line.pumps.close();
        let _stopped = timeout(LAST_ORDERS, self.line.pumps.wait()).await;
    }
}

impl Connection {
    /// A session over a connection of the pool, or over one of its own if it may not share. A shared
    /// connection is kept for `idle` after its last use.
    pub(crate) async fn open(
        opener: Arc<Opener>,
        pool: Arc<Pool>,
        request: Connect,
        idle: Duration,
    ) -> Result<Self, Failure> {
        let (seats, executed) = (Mutex::default(), AtomicBool::new(false));
        let session = Self { opener, pool, request, idle, seats, executed };
        session.sit_down().await?;
        Ok(session)
    }

    async fn sit_down(&self) -> Result<(), Failure> {
        let wish = self.opener.wish(&self.request, self.idle);
        let lease = self.pool.lease(wish, || self.opener.open(self.request.clone())).await?;
        let mut seats = self.seats();
        seats.retain(|seat| !seat.line.pumps.is_empty());
        seats.push(Seat::new(lease));
        Ok(())
    }

    fn seats(&self) -> MutexGuard<'_, Vec<Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self) -> Result<Arc<Line>, Failure> {
        let message = "The session is closed: connect again.";
        let closed = || Failure::new(ErrorKind::InvalidRequest, Phase::Exec, message);
        self.seats().last().map(|seat| seat.line.clone()).ok_or_else(closed)
    }

    /// Whether another connection may serve where this one opened no channel.
    fn may_move(&self, line: &Arc<Line>, failure: &Failure) -> bool {
        let seats = self.seats();
        let Some(seat) = seats.last().filter(|seat| Arc::ptr_eq(&seat.line, line)) else {
            // Another command of this session has moved it already.
            return !seats.is_empty();
        };
        match failure.kind {
            ErrorKind::ExecRefused => seat.lease.crowded(),
            // It may have been dead for long. Once something was executed, the job has to know.
            ErrorKind::ConnectionLost => {
                seat.lease.retire();
                seat.lease.joined && !self.executed.load(Ordering::Relaxed)
            }
            _ => false,
        }
    }

    /// Stops the session's commands and gives its connections back. It goes on if it is not waited for.
    fn leave(&self) -> Option<tokio::task::JoinHandle<()>> {
        let seats = std::mem::take(&mut *self.seats());
        // Without a runtime there is no connection any more either.
        let runtime = tokio::runtime::Handle::try_current().ok().filter(|_| !seats.is_empty())?;
        Some(runtime.spawn(async move {
            futures::future::join_all(seats.into_iter().map(Seat::leave)).await;
        }))
    }
}

impl Session for Connection {
    fn start(&self, exec: Exec) -> BoxFuture<'_, Result<Process, Failure>> {
        async move {
            exec.check(&self.request.target.user)?;
            let mut moves = 0;
            loop {
                let line = self.line()?;
                match line.start(exec.clone()).await {
                    Err(NotStarted::NoChannel(failure)) => {
                        if !self.request.reuse || moves == MAX_MOVES || !self.may_move(&line, &failure) {
                            return Err(failure);
                        }
                    }
                    Err(NotStarted::Failed(failure)) => {
                        self.executed.store(true, Ordering::Relaxed);
                        return Err(failure);
                    }
                    Ok(process) => {
                        self.executed.store(true, Ordering::Relaxed);
                        return Ok(process);
                    }
                }
                moves += 1;
                self.sit_down().await?;
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            if let Some(leaving) = self.leave() {
                let _left = leaving.await;
            }
        }
        .boxed()
    }

    fn warnings(&self) -> Vec<String> {
        self.seats().last().map_or_else(Vec::new, |seat| seat.lease.link.warnings())
    }

    fn reused(&self) -> bool {
        self.seats().last().is_some_and(|seat| seat.lease.joined)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _goes_on = self.leave();
    }
}
