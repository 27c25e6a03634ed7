//! The requests that wait for an answer.

use super::error::Nonsense;
use super::packet::Response;
use bytes::Bytes;
use hostler_model::Failure;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the answer, or why there will be none. Fails if that is no answer to what was asked.
pub(super) type Waiter = Box<dyn FnOnce(Result<Response, Failure>) -> Result<(), Nonsense> + Send>;

/// What a client shares with the task that owns its channel.
#[derive(Default)]
pub(crate) struct Table(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    next: u32,
    requests: HashMap<u32, Waiter>,
    /// Why nothing will be answered any more.
    ended: Option<Failure>,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a request its number. After the end, the waiter hears of it instead.
    pub(super) fn enter(&self, waiter: Waiter) -> Option<u32> {
        let mut waiting = self.lock();
        if let Some(failure) = waiting.ended.clone() {
            drop(waiting);
            let _no_answer = waiter(Err(failure));
            return None;
        }
        let number = waiting.next;
        waiting.next = number.wrapping_add(1);
        waiting.requests.insert(number, waiter);
        Some(number)
    }

    /// Hands a packet to whoever waits for it.
    pub(crate) fn answer(&self, packet: Bytes) -> Result<(), Nonsense> {
        let (number, response) = Response::read(packet)?;
        // A waiter may make a request of its own, so the table is free again by then.
        let waiter = self.lock().requests.remove(&number);
        waiter.ok_or(Nonsense("an answer to something that was not asked"))?(Ok(response))
    }

    /// Tells everybody who waits, and who will ask, that there is nothing more to come.
    pub(crate) fn end(&self, failure: &Failure) {
        let requests = {
            let mut waiting = self.lock();
            waiting.ended.get_or_insert_with(|| failure.clone());
            std::mem::take(&mut waiting.requests)
        };
        for waiter in requests.into_values() {
            let _no_answer = waiter(Err(failure.clone()));
        }
    }
}
