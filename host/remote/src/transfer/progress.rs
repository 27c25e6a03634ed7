//! How far a transfer is: counters that all its files share, and when they are told.

use super::{Overseer, Progress};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Time between two reports at least, the last one excepted.
const PAUSE: Duration = Duration::from_millis(250);

/// Counts what a transfer moves. There is no timer: whoever counts also tells.
pub(super) struct Meter {
    overseer: Arc<dyn Overseer>,
    begun: Instant,
    bytes: AtomicU64,
    total: AtomicU64,
    foreseen: AtomicU64,
    /// When it was told last, in milliseconds since the beginning.
    told: AtomicU64,
}

impl Meter {
    pub(super) fn new(overseer: Arc<dyn Overseer>) -> Self {
        let zero = || AtomicU64::new(0);
        Self { overseer, begun: Instant::now(), bytes: zero(), total: zero(), foreseen: zero(), told: zero() }
    }

    /// So many bytes more are to be moved.
    pub(super) fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// All files together are going to expect about as much.
    pub(super) fn foresee(&self, bytes: u64) {
        self.foreseen.store(bytes, Ordering::Relaxed);
    }

    /// So many bytes more of `file`, the server's path, were moved.
    pub(super) fn moved(&self, file: &str, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let now = self.begun.elapsed();
        if self.is_due(now) {
            self.tell(file, now);
        }
    }

    /// It is over.
    pub(super) fn finish(&self, file: &str) {
        self.foreseen.store(0, Ordering::Relaxed);
        self.tell(file, self.begun.elapsed());
    }

    /// Bytes that were moved until now.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that are to be moved, as far as is known by now.
    pub(super) fn total(&self) -> u64 {
        [&self.total, &self.foreseen, &self.bytes]
            .map(|count| count.load(Ordering::Relaxed))
            .into_iter()
            .fold(0, u64::max)
    }

    /// Whether to tell now. Of several who ask at once, one is told so.
    fn is_due(&self, now: Duration) -> bool {
        let told = self.told.load(Ordering::Relaxed);
        let now = millis(now);
        now >= told + millis(PAUSE)
            && self.told.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn tell(&self, file: &str, now: Duration) {
        let bytes = self.bytes();
        // Within the first millisecond nobody can tell how fast it is.
        let rate = bytes.saturating_mul(1000) / millis(now).max(1);
        self.overseer.progress(&Progress { file: file.to_owned(), bytes, total: self.total(), rate });
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Step;
    use futures::FutureExt;
    use futures::future::BoxFuture;
    use hostler_model::Failure;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Reader(Mutex<Vec<Progress>>);

    impl Overseer for Reader {
        fn admit<'a>(&'a self, _: Step<'a>) -> BoxFuture<'a, Result<(), Failure>> {
            async { Ok(()) }.boxed()
        }

        fn progress(&self, progress: &Progress) {
            self.0.lock().expect("no panic").push(progress.clone());
        }
    }

    #[test]
    fn a_report_is_due_every_quarter_of_a_second() {
        let meter = Meter::new(Arc::new(Reader::default()));
        let due = [0, 249, 250, 260, 499, 500, 10_000, 10_249].map(|at| meter.is_due(Duration::from_millis(at)));
        assert_eq!(due, [false, false, true, false, false, true, true, false]);
    }

    #[test]
    fn the_last_report_has_all_bytes_whenever_it_comes() {
        let reader = Arc::new(Reader::default());
        let meter = Meter::new(reader.clone());
        meter.foresee(20);
        meter.expect(10);
        meter.moved("a", 4);
        assert_eq!(meter.total(), 20);
        meter.expect(5);
        meter.moved("b", 7);
        meter.finish("b");
        let told = reader.0.lock().expect("no panic");
        let last = told.last().expect("the last report");
        assert_eq!((last.file.as_str(), last.bytes, last.total), ("b", 11, 15));
        assert_eq!(told.len(), 1, "no time has passed");
    }

    #[test]
    fn the_rate_counts_from_the_beginning() {
        let reader = Arc::new(Reader::default());
        let meter = Meter::new(reader.clone());
        meter.moved("a", 3000);
        meter.tell("a", Duration::from_secs(2));
        assert_eq!(reader.0.lock().expect("no panic").last().map(|told| told.rate), Some(1500));
    }
}
