//! How many connections there are, and which of them makes room for another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// All connections. When there is no place for one more, the one that has had no request under way for the longest time is
/// closed: thousands of idle ones, or of such that send a byte now and then, keep nobody out.
pub(crate) struct Connections {
    most: usize,
    places: Mutex<Places>,
    /// A place may have become free, or a connection idle.
    changed: Notify,
}

#[derive(Default)]
struct Places {
    taken: usize,
    /// Those of them that are told to close.
    closing: usize,
    /// Those without a request under way, by when that began.
    idle: BTreeMap<u64, CancellationToken>,
    /// How often a connection became idle.
    count: u64,
}

/// The place of a connection; free again when it is dropped.
pub(crate) struct Place {
    connections: Arc<Connections>,
    closed: CancellationToken,
    standing: Mutex<Standing>,
}

/// What a connection does.
struct Standing {
    /// Where it stands among the idle ones, if it is one of them.
    idle: Option<u64>,
    /// Requests that are under way: an answer may still be there when the next request comes.
    requests: usize,
}

/// A request that is under way. Its connection is idle again when it is dropped.
pub(crate) struct UnderWay(Arc<Place>);

impl Connections {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, places: Mutex::default(), changed: Notify::new() })
    }

    /// A place for one more, as soon as there is one.
    pub(crate) async fn place(self: &Arc<Self>) -> Arc<Place> {
        loop {
            if let Some(place) = self.try_place() {
                return place;
            }
            self.changed.notified().await;
        }
    }

    /// A place, if one is free. If not, one is about to be, unless all connections have requests under way.
    fn try_place(self: &Arc<Self>) -> Option<Arc<Place>> {
        let mut places = self.places();
        if places.taken < self.most {
            places.taken += 1;
            let closed = CancellationToken::new();
            let standing = Mutex::new(Standing { idle: Some(places.rest(closed.clone())), requests: 0 });
            return Some(Arc::new(Place { connections: Arc::clone(self), closed, standing }));
        }
        if places.taken - places.closing >= self.most
            && let Some((_, longest)) = places.idle.pop_first()
        {
            places.closing += 1;
            longest.cancel();
        }
        None
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().expect("nothing panics under this lock")
    }
}

impl Places {
    fn rest(&mut self, closed: CancellationToken) -> u64 {
        self.count += 1;
        self.idle.insert(self.count, closed);
        self.count
    }
}

impl Place {
    /// Returns when the connection has to make room. No request of it is under way then, and none begins.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Begins a request. `None` if the connection is being closed: the client is to send it again over another one.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<UnderWay> {
        let mut places = self.connections.places();
        if self.closed.is_cancelled() {
            return None;
        }
        let mut standing = self.standing();
        if let Some(since) = standing.idle.take() {
            places.idle.remove(&since);
        }
        standing.requests += 1;
        Some(UnderWay(Arc::clone(self)))
    }

    /// Locked only while the places are.
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().expect("nothing panics under this lock")
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Place { connections, closed, .. } = &*self.0;
        let mut places = connections.places();
        let mut standing = self.0.standing();
        standing.requests -= 1;
        if standing.requests == 0 {
            standing.idle = Some(places.rest(closed.clone()));
            connections.changed.notify_one();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.connections.places();
        places.taken -= 1;
        places.closing -= usize::from(self.closed.is_cancelled());
        if let Some(since) = self.standing().idle {
            places.idle.remove(&since);
        }
        self.connections.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn the_longest_idle_connection_makes_room() {
        let connections = Connections::new(2);
        let (first, second) = (connections.place().await, connections.place().await);
        // The first has a request and is idle again: now the second is so for the longest time.
        drop(first.begin().expect("it is open"));
        let mut third = Box::pin(connections.place());
        assert!((&mut third).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert!(second.closed().now_or_never().is_some() && first.closed().now_or_never().is_none());
        assert!(second.begin().is_none(), "a request began on a connection that is being closed");
        drop(second);
        third.await;
        assert!(first.closed().now_or_never().is_none(), "two made room for one");
    }

    #[tokio::test]
    async fn no_request_is_cut_for_another() {
        let connections = Connections::new(1);
        let busy = connections.place().await;
        let request = busy.begin().expect("it is open");
        let mut next = Box::pin(connections.place());
        assert!((&mut next).now_or_never().is_none());
        assert!(busy.closed().now_or_never().is_none());
        drop(request);
        assert!((&mut next).now_or_never().is_none());
        assert!(busy.closed().now_or_never().is_some());
        drop(busy);
        next.await;
    }
}
