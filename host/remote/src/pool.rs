//! Connections that requests share: one after the other, or at the same time.
//!
//! Each connection has a slot, and each slot a task that opens the connection, watches it, and closes
//! it when nobody needs it any more. Whoever asks for a connection that is being opened waits for the same
//! one. A failure goes to all who wait for it and is forgotten.

use crate::key::Key;
use crate::link::Link;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Phase};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Idleness after which a connection has to show that it lives before it is used again.
const DOUBT: Duration = Duration::from_secs(5);

/// Deadlines that differ by less are alike.
const ALIKE: Duration = Duration::from_secs(1);

/// Channels that we closed before the server did. russh keeps something of each until the connection ends.
const MAX_REMAINS: usize = 1000;

/// How long the end of the pool waits for its connections to end.
const LAST_ORDERS: Duration = Duration::from_secs(10);

/// What is being done to make a connection.
pub(crate) type Opening = BoxFuture<'static, Result<Link, Failure>>;

/// All connections of one kind.
pub(crate) struct Pool {
    /// Users of one connection at the same time.
    room: usize,
    /// Age from which a connection gets no new users.
    age: Duration,
    slots: Mutex<HashMap<Key, Vec<Arc<Slot>>>>,
    ending: CancellationToken,
    keepers: TaskTracker,
}

/// What somebody needs.
pub(crate) struct Wish {
    /// Which connections are equal. `None`: the connection is for this request alone.
    pub(crate) key: Option<Key>,
    /// How long the connection is kept after its last use.
    pub(crate) idle: Duration,
    /// How long opening it may take.
    pub(crate) patience: Duration,
}

/// A connection, or the way to one.
struct Slot {
    wish: Wish,
    born: Instant,
    opened: watch::Sender<Option<Result<Arc<Link>, Failure>>>,
    usage: Mutex<Usage>,
    changed: Notify,
}

struct Usage {
    users: usize,
    /// How many there may be.
    room: usize,
    /// How long the connection is kept without any.
    idle: Duration,
    /// When the last one left.
    since: Instant,
}

/// The right to use a connection. It stays open at least until this is dropped.
pub(crate) struct Lease {
    pub(crate) link: Arc<Link>,
    /// Whether an earlier request had opened the connection.
    pub(crate) joined: bool,
    pool: Arc<Pool>,
    user: User,
}

/// Counts while it lives.
struct User(Arc<Slot>);

impl Pool {
    pub(crate) fn new(room: usize, age: Duration) -> Arc<Self> {
        let (slots, ending, keepers) = (Mutex::default(), CancellationToken::new(), TaskTracker::new());
        Arc::new(Self { room, age, slots, ending, keepers })
    }

    /// A connection as wished for: an open one, one that is being opened, or one that `open` makes.
    pub(crate) async fn lease(self: &Arc<Self>, wish: Wish, open: impl Fn() -> Opening) -> Result<Lease, Failure> {
        let Wish { key, idle, patience } = wish;
        loop {
            let wish = Wish { key: key.clone(), idle, patience };
            let (user, idleness) = self.seat(wish, &open);
            let mut opened = user.0.opened.subscribe();
            let waited = timeout(patience, opened.wait_for(Option::is_some)).await;
            let link = match waited.ok().and_then(Result::ok).and_then(|opened| opened.clone()) {
                Some(opened) => opened?,
                None => return Err(out_of_patience()),
            };
            let joined = idleness.is_some();
            let lease = Lease { link, joined, pool: self.clone(), user };
            if idleness < Some(DOUBT) || lease.link.answers().await {
                return Ok(lease);
            }
            lease.retire();
        }
    }

    /// A place at a connection, with the time for which nobody had used it, or at a new one.
    fn seat(self: &Arc<Self>, wish: Wish, open: impl Fn() -> Opening) -> (User, Option<Duration>) {
        let mut slots = self.slots();
        let equal = wish.key.as_ref().and_then(|key| slots.get(key));
        let free = equal.into_iter().flatten().find_map(|slot| Some((slot.clone(), slot.join(&wish, self.age)?)));
        if let Some((slot, idleness)) = free {
            return (User(slot), Some(idleness));
        }
        // What one connection taught about the server's room holds for the next.
        let room = equal.into_iter().flatten().map(|slot| slot.usage().room).min().unwrap_or(self.room);
        let now = Instant::now();
        let slot = Arc::new(Slot {
            born: now,
            opened: watch::Sender::new(None),
            usage: Mutex::new(Usage { users: 1, room, idle: wish.idle, since: now }),
            changed: Notify::new(),
            wish,
        });
        if let Some(key) = &slot.wish.key {
            slots.entry(key.clone()).or_default().push(slot.clone());
        }
        self.keepers.spawn(self.clone().keep(slot.clone(), open()));
        (User(slot), None)
    }

    /// The life of a slot.
    async fn keep(self: Arc<Self>, slot: Arc<Slot>, opening: Opening) {
        let opened = tokio::select! {
            opened = opening => opened.map(Arc::new),
            () = self.unused(&slot) => return,
        };
        let link = opened.as_ref().ok().cloned();
        if link.is_none() {
            self.take_out(&slot);
        }
        slot.opened.send_replace(Some(opened));
        let Some(link) = link else { return };
        tokio::select! {
            () = link.notes.ended.cancelled() => self.take_out(&slot),
            () = self.unused(&slot) => link.close().await,
        }
    }

    /// Waits until nobody has used the slot for long enough, and takes it out.
    async fn unused(&self, slot: &Arc<Slot>) {
        loop {
            let Some(until) = slot.idle_until(self.age) else {
                slot.changed.notified().await;
                continue;
            };
            tokio::select! {
                () = slot.changed.notified() => continue,
                () = sleep_until(until) => {}
                () = self.ending.cancelled() => {}
            }
            // While the slots are locked nobody joins.
            let mut slots = self.slots();
            if slot.usage().users == 0 {
                return remove(&mut slots, slot);
            }
        }
    }

    /// Keeps new users away from the slot.
    fn take_out(&self, slot: &Arc<Slot>) {
        remove(&mut self.slots(), slot);
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Key, Vec<Arc<Slot>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many connections there are, or are being made, and how many of those that can be shared nobody uses.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let idle = |slot: &&Arc<Slot>| slot.usage().users == 0;
        (self.keepers.len(), self.slots().values().flatten().filter(idle).count())
    }

    /// Has every connection closed as soon as nobody uses it.
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }

    /// The same, and waits for it.
    pub(crate) async fn ended(&self) {
        self.end();
        self.keepers.close();
        let _all = timeout(LAST_ORDERS, self.keepers.wait()).await;
    }
}

impl Slot {
    /// Adds a user, if the slot can serve that wish. Gives how long it had none.
    fn join(&self, wish: &Wish, age: Duration) -> Option<Duration> {
        let mut usage = self.usage();
        let fit = match &*self.opened.borrow() {
            // Who is less patient may fail where we would not. What a look-up took makes no difference.
            None => self.wish.patience + ALIKE >= wish.patience,
            Some(Ok(link)) => !link.handle.is_closed() && link.notes.channels() < usage.users + MAX_REMAINS,
            Some(Err(_)) => false,
        };
        if !fit || usage.users >= usage.room || self.born.elapsed() >= age {
            return None;
        }
        let idleness = if usage.users == 0 { usage.since.elapsed() } else { Duration::ZERO };
        usage.users += 1;
        usage.idle = usage.idle.max(wish.idle);
        Some(idleness)
    }

    /// When it has been without users for long enough, or is too old for any. A connection that is not open yet is given up at once.
    fn idle_until(&self, age: Duration) -> Option<Instant> {
        let usage = self.usage();
        let idle = if self.opened.borrow().is_some() { usage.idle } else { Duration::ZERO };
        (usage.users == 0).then(|| (usage.since + idle).min(self.born + age))
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Keeps new users away from the connection, and has it closed when the last one leaves.
    pub(crate) fn retire(&self) {
        self.pool.take_out(&self.user.0);
        self.user.0.usage().idle = Duration::ZERO;
    }

    /// Takes note that the server has no room for all users of the connection. Gives whether there are others.
    pub(crate) fn crowded(&self) -> bool {
        let mut usage = self.user.0.usage();
        let others = usage.users - 1;
        // Not all of them run something, so that the server may have less room than for them.
        usage.room = others.min(self.link.notes.channels()).max(1);
        others > 0
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut usage = self.0.usage();
        usage.users -= 1;
        usage.since = Instant::now();
        self.0.changed.notify_one();
    }
}

fn remove(slots: &mut HashMap<Key, Vec<Arc<Slot>>>, slot: &Arc<Slot>) {
    let Some(key) = &slot.wish.key else { return };
    if let Some(equal) = slots.get_mut(key) {
        equal.retain(|other| !Arc::ptr_eq(other, slot));
        if equal.is_empty() {
            slots.remove(key);
        }
    }
}

fn out_of_patience() -> Failure {
    Failure::new(
        ErrorKind::Timeout,
        Phase::Connect,
        "An equal request has not finished its login, which this one waits for, in time: check the server, or raise the timeouts.",
    )
}
