//! The CPU time of an instance.
//!
//! Charged is the time in which the guest runs, and in which the host works for it: whoever calls the host in a loop pays
//! for that. Free is the time in which a call waits and, beside a wait of a tick or more, what the host does in it, such as
//! moving a file.

use crate::engine::TICK;
use crate::limits::Limits;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

/// The budget of one instance.
pub(crate) struct Cpu {
    /// Ticks that are left.
    left: u64,
    /// Time in which it ran that is not charged yet.
    ran: Duration,
    /// Since when it is to be looked at, and how long it had been suspended by then.
    since: Instant,
    suspended: Duration,
    pauses: Arc<Pauses>,
}

/// How long an instance has been suspended: nobody polled it.
#[derive(Default)]
pub(crate) struct Pauses(AtomicU64);

impl Cpu {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (since, suspended, pauses) = (Instant::now(), Duration::ZERO, Arc::default());
        Self { left: ticks(limits), ran: Duration::ZERO, since, suspended, pauses }
    }

    /// Gives it all of its time again.
    pub(crate) fn refill(&mut self, limits: &Limits) {
        self.left = ticks(limits);
    }

    /// Begins a call: what was before is not its time.
    pub(crate) fn begin(&mut self) -> Arc<Pauses> {
        self.lap();
        self.ran = Duration::ZERO;
        Arc::clone(&self.pauses)
    }

    /// The guest calls the host.
    pub(crate) fn enter_host(&mut self) {
        let (ran, _) = self.lap();
        self.ran += ran;
    }

    /// The host answers. Says whether the call waited, so that others had their turn.
    pub(crate) fn leave_host(&mut self) -> bool {
        let (ran, suspended) = self.lap();
        if suspended < TICK {
            self.ran += ran;
        }
        suspended >= TICK
    }

    /// The epoch has passed. Says whether the guest may go on.
    pub(crate) fn tick(&mut self) -> bool {
        self.enter_host();
        if self.ran >= TICK {
            // Never more than one, and little is carried over: that a thread was not scheduled is not the guest's doing.
            self.ran = self.ran.saturating_sub(TICK).min(TICK);
            self.left = self.left.saturating_sub(1);
        }
        self.left > 0
    }

    /// Whether nothing is left.
    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// What was charged, in milliseconds.
    pub(crate) fn charged_ms(&self, limits: &Limits) -> u64 {
        ticks(limits).saturating_sub(self.left) * tick_ms()
    }

    /// How long it ran since the last look, and how long it was suspended.
    fn lap(&mut self) -> (Duration, Duration) {
        let (now, total) = (Instant::now(), self.pauses.total());
        let suspended = total.saturating_sub(std::mem::replace(&mut self.suspended, total));
        let passed = now - std::mem::replace(&mut self.since, now);
        (passed.saturating_sub(suspended), suspended)
    }
}

impl Pauses {
    /// Has an export run to its end, and adds up the time in which it is suspended.
    pub(crate) async fn of<T>(&self, export: impl Future<Output = T>) -> T {
        let mut export = pin!(export);
        let mut suspended: Option<Instant> = None;
        std::future::poll_fn(move |context| {
            if let Some(since) = suspended.take() {
                let pause = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.0.fetch_add(pause, Ordering::Relaxed);
            }
            let polled = export.as_mut().poll(context);
            suspended = matches!(polled, Poll::Pending).then(Instant::now);
            polled
        })
        .await
    }

    fn total(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

fn ticks(limits: &Limits) -> u64 {
    // One more, because the first tick may come right after the start.
    limits.cpu_ms.div_ceil(tick_ms()) + 1
}

fn tick_ms() -> u64 {
    u64::try_from(TICK.as_millis()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A budget of so many ticks, as if so much time had passed since it was looked at, of which it was suspended so long.
    fn after(cpu: &mut Cpu, passed: Duration, suspended: Duration) {
        cpu.since = Instant::now().checked_sub(passed).expect("the clock has gone for a while");
        cpu.pauses.0.fetch_add(u64::try_from(suspended.as_nanos()).expect("it is short"), Ordering::Relaxed);
    }

    fn budget() -> Cpu {
        Cpu::new(&Limits { cpu_ms: 100, ..Limits::driver() })
    }

    #[test]
    fn what_the_host_does_without_waiting_is_charged() {
        let mut cpu = budget();
        for left in [10, 9, 8] {
            cpu.enter_host();
            after(&mut cpu, TICK, Duration::ZERO);
            assert!(!cpu.leave_host() && cpu.tick());
            assert_eq!(cpu.left, left);
        }
    }

    #[test]
    fn waiting_is_free_also_where_it_is_short() {
        let mut cpu = budget();
        for _ in 0..100 {
            cpu.enter_host();
            after(&mut cpu, TICK / 2, TICK / 2);
            assert!(!cpu.leave_host());
        }
        cpu.enter_host();
        // A file was moved meanwhile.
        after(&mut cpu, TICK * 9, TICK * 2);
        assert!(cpu.leave_host() && cpu.tick());
        assert_eq!(cpu.left, 11);
    }

    #[test]
    fn a_thread_that_was_not_scheduled_is_charged_for_little() {
        let mut cpu = budget();
        after(&mut cpu, TICK * 1000, Duration::ZERO);
        for _ in 0..10 {
            assert!(cpu.tick());
        }
        assert_eq!(cpu.left, 9);
    }

    #[tokio::test]
    async fn a_pause_lasts_from_poll_to_poll() {
        let pauses = Pauses::default();
        pauses.of(async {}).await;
        assert_eq!(pauses.total(), Duration::ZERO);
        pauses.of(tokio::time::sleep(TICK)).await;
        assert!(pauses.total() > TICK / 2);
    }
}
