//! Requests on their way: sent without waiting for each other, answered in their order.

use crate::sftp;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests at once: as many as OpenSSH's own client sends.
const MAX_REQUESTS: usize = 64;

/// The requests of one file, and the content that they carry.
pub(super) struct Flight<T> {
    on_way: FuturesOrdered<BoxFuture<'static, Landed<T>>>,
    /// Bytes on their way, and how many may be.
    bytes: usize,
    most: usize,
    /// Room that all files of the transfer share.
    room: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

/// An answer, and the room that its request took.
type Landed<T> = (Result<T, sftp::Error>, usize, Option<OwnedSemaphorePermit>);

impl<T: 'static> Flight<T> {
    /// At most so many bytes of this file at once, and of all files what `room` has.
    pub(super) fn new(most: usize, room: Arc<Semaphore>) -> Self {
        Self { on_way: FuturesOrdered::new(), bytes: 0, most, room, taken: None }
    }

    /// Whether a request with so many bytes may be sent now. If not, there is an answer to wait for: who waited for room
    /// instead could wait for files that wait themselves.
    pub(super) async fn has_room(&mut self, size: u32) -> bool {
        if self.taken.is_some() || self.on_way.is_empty() {
            if self.taken.is_none() {
                self.taken = self.room.clone().acquire_many_owned(size).await.ok();
            }
            return true;
        }
        if self.on_way.len() == MAX_REQUESTS || self.bytes + size as usize > self.most {
            return false;
        }
        self.taken = self.room.clone().try_acquire_many_owned(size).ok();
        self.taken.is_some()
    }

    /// Adds a request that was sent, for which there was room.
    pub(super) fn push<F>(&mut self, size: u32, answer: F)
    where
        F: Future<Output = Result<T, sftp::Error>> + Send + 'static,
    {
        let (size, taken) = (size as usize, self.taken.take());
        self.bytes += size;
        self.on_way.push_back(Box::pin(async move { (answer.await, size, taken) }));
    }

    /// The next answer, if one is to come.
    pub(super) async fn next(&mut self) -> Option<Result<T, sftp::Error>> {
        let (answer, size, _taken) = self.on_way.next().await?;
        self.bytes -= size;
        Some(answer)
    }
}
