//! The log of one job that runs, as far as the store does not have it yet.

use crate::{Event, Happening, Progress, Ran, clock};
use hostler_model::RunResult;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// Output is stored in pieces of at most so many bytes.
const PIECE: usize = 64 << 10;
/// So many bytes may wait for the store.
const LAG: usize = 8 << 20;
/// With so many waiting, the store is asked at once.
pub(crate) const MUCH: usize = 1 << 20;

/// The log of one job that runs. Who writes to it never waits.
pub(crate) struct Log {
    waiting: Mutex<Waiting>,
    /// Told when something waits that did not before, and when it is much.
    wake: Arc<Notify>,
}

/// What waits for the store.
struct Waiting {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// The number of the newest event.
    newest: u64,
    /// The store was asked to keep the events up to this one.
    asked: u64,
    /// Bytes that the log may have.
    limit: u64,
    /// Of these, so many are left. `None` once the log was cut.
    left: Option<u64>,
}

impl Log {
    /// An empty log for at most `limit` bytes of output, with events after the number `newest`.
    pub(crate) fn new(newest: u64, limit: u64, wake: Arc<Notify>) -> Self {
        let waiting = Waiting { events: VecDeque::new(), bytes: 0, newest, asked: newest, limit, left: Some(limit) };
        Self { waiting: Mutex::new(waiting), wake }
    }

    /// A run has written something.
    pub(crate) fn output(&self, run: u32, stream: &str, offset: u64, bytes: &[u8]) {
        self.write(|waiting| {
            let Some(room) = waiting.room(bytes.len()) else { return };
            let (taken, rest) = bytes.split_at(room.min(bytes.len()));
            let mut offset = offset;
            for piece in taken.chunks(PIECE) {
                waiting.output(run, stream, offset, piece);
                offset += piece.len() as u64;
            }
            if !rest.is_empty() {
                waiting.cut_full();
            }
        });
    }

    /// A transfer came so far. What is stored of it is how far it was from time to time.
    pub(crate) fn progress(&self, progress: Progress) {
        self.write(|waiting| {
            if let Some(Happening::Progress(last)) = waiting.open()
                && last.run == progress.run
            {
                *last = progress;
            } else if let Some(room) = waiting.room(progress.size()) {
                if room >= progress.size() {
                    waiting.add(Happening::Progress(progress));
                } else {
                    waiting.cut_full();
                }
            }
        });
    }

    /// A run has come to its end.
    pub(crate) fn ran(&self, run: u32, result: &RunResult) {
        self.write(|waiting| waiting.add(Happening::Ran(Ran::new(run, result))));
    }

    /// All that waits, the oldest first, for the store. It waits on until [`Log::forget`], and is not changed any more.
    pub(crate) fn waiting(&self) -> Vec<Arc<Event>> {
        let mut waiting = self.lock();
        waiting.asked = waiting.newest;
        waiting.events.iter().cloned().collect()
    }

    /// Bytes that wait, or `None` if nothing does.
    pub(crate) fn size(&self) -> Option<usize> {
        let waiting = self.lock();
        (!waiting.events.is_empty()).then_some(waiting.bytes)
    }

    /// The store has all events up to this one.
    pub(crate) fn forget(&self, number: u64) {
        let mut waiting = self.lock();
        while let Some(event) = waiting.events.pop_front_if(|event| event.number <= number) {
            waiting.bytes -= event.size();
        }
    }

    fn write(&self, write: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.lock();
        let before = (waiting.events.is_empty(), waiting.bytes >= MUCH);
        write(&mut waiting);
        let after = (waiting.events.is_empty(), waiting.bytes >= MUCH);
        drop(waiting);
        if before != after {
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing panics under this lock")
    }
}

impl Waiting {
    fn add(&mut self, what: Happening) {
        self.newest += 1;
        let event = Event { number: self.newest, at: clock::now(), what };
        self.bytes += event.size();
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(event.size() as u64);
        }
        self.events.push_back(Arc::new(event));
    }

    /// The newest event, if it may still be changed: the store was not asked to keep it yet, so nobody has seen it.
    fn open(&mut self) -> Option<&mut Happening> {
        let newest = self.events.back_mut().filter(|event| event.number > self.asked)?;
        Arc::get_mut(newest).map(|event| &mut event.what)
    }

    /// How many bytes may still be written; `None` if the log is cut, or is cut now because the store is too slow.
    fn room(&mut self, more: usize) -> Option<usize> {
        let left = self.left?;
        if self.bytes + more > LAG && !self.events.is_empty() {
            self.cut(&format!("the store did not keep up: {} bytes were waiting for it", self.bytes));
            return None;
        }
        Some(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Joins what belongs together, so that a chatty command does not make an event of each byte.
    fn output(&mut self, run: u32, stream: &str, offset: u64, piece: &[u8]) {
        match self.open() {
            Some(Happening::Output { run: last, stream: same, offset: start, bytes })
                if (*last, same.as_str(), *start + bytes.len() as u64) == (run, stream, offset)
                    && bytes.len() + piece.len() <= PIECE =>
            {
                bytes.extend_from_slice(piece);
                self.bytes += piece.len();
                self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
            }
            _ => self.add(Happening::Output { run, stream: stream.into(), offset, bytes: piece.into() }),
        }
    }

    fn cut_full(&mut self) {
        self.cut(&format!("the log is full, with the {} bytes that the operator's max_log_bytes allows", self.limit));
    }

    fn cut(&mut self, why: &str) {
        self.left = None;
        self.add(Happening::Cut { reason: format!("Output is cut off here: {why}.") });
    }
}

#[cfg(test)]
mod tests;
