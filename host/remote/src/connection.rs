//! A session: the right of one request to run commands over a connection.

use crate::handshake::{Notes, Verifier};
use crate::link::Link;
use crate::opener::Opener;
use crate::pool::{Lease, Pool};
use crate::process::Control;
use crate::pump::Pump;
use crate::sftp::{Client, Sftp};
use crate::terminal::Terminal;
use crate::transfer::not_begun;
use crate::{Connect, Exec, Files, Overseer, Process, Session, Shell, ShellRequest, Transfer};
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Moved, Phase};
use russh::client::Handle;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the end of a session waits for running commands to be stopped: as long as stopping one takes.
const LAST_ORDERS: Duration = Duration::from_secs(6);

/// How often a command asks for a channel, if there is no room for it.
const MAX_TRIES: usize = 4;

/// sshd needs a moment to forget a session that has ended.
const MOMENT: Duration = Duration::from_millis(100);

/// The real session.
pub(crate) struct Connection {
    way: Arc<Way>,
    /// The last one is used for what starts next; commands may still run on those before it.
    seats: Mutex<Vec<Seat>>,
    /// A command may have been executed.
    executed: AtomicBool,
}

/// How a session gets its connections.
pub(crate) struct Way {
    pub(crate) opener: Arc<Opener>,
    pub(crate) pool: Arc<Pool>,
    /// How long they are kept after their last use, if they are shared.
    pub(crate) idle: Duration,
    /// What is asked for.
    pub(crate) request: Connect,
}

/// A session's share in a connection.
pub(crate) struct Seat {
    pub(crate) line: Arc<Line>,
    lease: Lease,
}

/// What a session shares with the pumps of its commands and files.
pub(crate) struct Line {
    pub(crate) handle: Arc<Handle<Verifier>>,
    /// Who logged in.
    pub(crate) user: Arc<str>,
    pub(crate) notes: Arc<Notes>,
    /// The session is over: every pump stops its command.
    pub(crate) closing: CancellationToken,
    pub(crate) pumps: TaskTracker,
    /// Where they run.
    runtime: runtime::Handle,
    way: Arc<Way>,
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

impl NotStarted {
    fn into_failure(self) -> Failure {
        match self {
            Self::NoChannel(failure) | Self::Failed(failure) => failure,
        }
    }
}

impl Line {
    fn new(link: &Link, way: Arc<Way>) -> Arc<Self> {
        let (handle, notes, user) = (link.handle.clone(), link.notes.clone(), link.target.user.as_str().into());
        let (closing, pumps, runtime) = (CancellationToken::new(), TaskTracker::new(), link.runtime.clone());
        Arc::new(Self { handle, user, notes, closing, pumps, runtime, way })
    }

    /// A connection of its own to the same server.
    pub(crate) async fn apart(&self) -> Result<Seat, Failure> {
        self.way.seat(false).await
    }

    /// Starts a pump.
    pub(crate) fn spawn(&self, pump: impl Future<Output = ()> + Send + 'static) {
        self.pumps.spawn_on(pump, &self.runtime);
    }

    pub(crate) async fn start(self: &Arc<Self>, exec: Exec) -> Result<Process, NotStarted> {
        let (events, receiver) = mpsc::unbounded_channel();
        let (started, answer) = oneshot::channel();
        let control = Control::default();
        let pump = Pump::new(self.clone(), exec, events, control.clone());
        // From here on the task owns the channel, so that whoever gives up leaves none behind.
        self.spawn(pump.run(started));
        answer.await.unwrap_or_else(|_| Err(self.notes.lost(Phase::Exec).into()))?;
        Ok(Process::controlled(receiver, control))
    }

    async fn shell(self: &Arc<Self>, request: ShellRequest) -> Result<Shell, NotStarted> {
        let (events, receiver) = mpsc::unbounded_channel();
        let (keys, typed) = mpsc::channel(1);
        let (started, answer) = oneshot::channel();
        let control = Control::default();
        let terminal = Terminal { line: self.clone(), request, events, keys: typed, control: control.clone() };
        self.spawn(terminal.run(started));
        answer.await.unwrap_or_else(|_| Err(self.notes.lost(Phase::Exec).into()))?;
        Ok(Shell::new(Process::controlled(receiver, control), keys))
    }
}

impl Seat {
    /// Stops what runs, and only then gives the connection back.
    pub(crate) async fn leave(self) {
        self.line.closing.cancel();
        self.line.pumps.close();
        let _stopped = timeout(LAST_ORDERS, self.line.pumps.wait()).await;
    }
}

impl Way {
    /// A share in a connection of the pool, or a connection of its own if it is not to be shared.
    async fn seat(self: &Arc<Self>, reuse: bool) -> Result<Seat, Failure> {
        let request = Connect { reuse, ..self.request.clone() };
        let wish = self.opener.wish(&request, if reuse { self.idle } else { Duration::ZERO });
        let lease = self.pool.lease(wish, || self.opener.open(request.clone())).await?;
        Ok(Seat { line: Line::new(&lease.link, self.clone()), lease })
    }
}

impl Connection {
    pub(crate) async fn open(way: Way) -> Result<Self, Failure> {
        let way = Arc::new(way);
        let seats = Mutex::new(vec![way.seat(way.request.reuse).await?]);
        Ok(Self { way, seats, executed: AtomicBool::new(false) })
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
        if !self.way.request.reuse {
            return false;
        }
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

    /// Begins something on the session's connection, or on another one if this one has no channel for it.
    async fn begin<T>(
        &self,
        start: impl Fn(Arc<Line>) -> BoxFuture<'static, Result<T, NotStarted>>,
    ) -> Result<T, Failure> {
        let mut tries = 0;
        loop {
            let line = self.line()?;
            let failure = match start(line.clone()).await {
                Err(NotStarted::NoChannel(failure)) => failure,
                result => {
                    self.executed.store(true, Ordering::Relaxed);
                    return result.map_err(NotStarted::into_failure);
                }
            };
            tries += 1;
            if tries == 1 && failure.kind == ErrorKind::ExecRefused {
                sleep(MOMENT).await;
            } else if tries < MAX_TRIES && self.may_move(&line, &failure) {
                let seat = self.way.seat(true).await?;
                let mut seats = self.seats();
                seats.retain(|seat| !seat.line.pumps.is_empty());
                seats.push(seat);
            } else {
                return Err(failure);
            }
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
            exec.check(&self.line()?.user)?;
            self.begin(|line| {
                let exec = exec.clone();
                async move { line.start(exec).await }.boxed()
            })
            .await
        }
        .boxed()
    }

    fn shell(&self, request: ShellRequest) -> BoxFuture<'_, Result<Shell, Failure>> {
        async move {
            self.begin(|line| {
                let request = request.clone();
                async move { line.shell(request).await }.boxed()
            })
            .await
        }
        .boxed()
    }

    fn files(&self) -> BoxFuture<'_, Result<Box<dyn Files>, Failure>> {
        async { Ok(Box::new(self.begin(|line| Sftp::open(line).boxed()).await?) as Box<dyn Files>) }.boxed()
    }

    fn transfer(&self, transfer: Transfer, overseer: Arc<dyn Overseer>) -> BoxFuture<'_, Result<Moved, Failure>> {
        async move {
            let deadline = Instant::now() + transfer.timeout;
            // It cleans up while the session closes, and its task sees to it that this ends.
            let open = |line: Arc<Line>| {
                async move { Ok((Client::open(line.clone(), CancellationToken::new()).await?, line)) }.boxed()
            };
            let opening = self.begin(open);
            let opened = timeout_at(deadline, opening).await.unwrap_or_else(|_| Err(not_begun(&transfer)));
            let (client, line) = opened?;
            line.transfer(client, transfer, overseer, deadline).await
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

    fn server_version(&self) -> Option<String> {
        self.seats().last().and_then(|seat| seat.lease.link.notes.version())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _goes_on = self.leave();
    }
}
