//! The CPU time of an instance, whether the guest runs or the host works for it.
//!
//! Whoever calls the host in a loop pays for that; waiting costs nothing, and neither does a machine that is busy with others.
//! Free is also what the host does in a call that waits for a tick or more, such as moving a file.
//!
//! As long as an instance is so quick that no tick meets it, the wall clock is exact enough: to ask for the CPU time of a
//! thread takes a system call, which would be a tenth of what a policy costs.

use crate::engine::TICK;
use crate::limits::Limits;
use rustix::time::{ClockId, clock_gettime};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

/// The budget of one instance.
pub(crate) struct Cpu {
    budget: Duration,
    used: Duration,
    /// What the clock showed when it was last looked at.
    looked: Time,
    clock: Arc<Clock>,
}

/// Shows how long an instance has run. Its exports run under it ([`Clock::of`]).
#[derive(Default)]
pub(crate) struct Clock {
    /// How long all polls took, in nanoseconds; during a poll, less what the system's clock showed when it began.
    ran: AtomicU64,
    /// How long it waited to be polled again, in nanoseconds.
    waited: AtomicU64,
    /// Whether a tick has met it, so that the thread's clock is asked from the next poll on.
    is_exact: AtomicBool,
}

#[derive(Clone, Copy, Default)]
struct Time {
    ran: Duration,
    waited: Duration,
}

impl Cpu {
    pub(crate) fn new(limits: &Limits) -> Self {
        let budget = Duration::from_millis(limits.cpu_ms);
        Self { budget, used: Duration::ZERO, looked: Time::default(), clock: Arc::default() }
    }

    /// Gives it all of its time again.
    pub(crate) fn refill(&mut self) {
        self.used = Duration::ZERO;
    }

    pub(crate) fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.clock)
    }

    /// The guest calls the host.
    pub(crate) fn enter_host(&mut self) {
        let lap = self.lap(self.clock.time());
        self.used += lap.ran;
    }

    /// The host answers. Says whether the call waited, so that others had their turn.
    pub(crate) fn leave_host(&mut self) -> bool {
        let lap = self.lap(self.clock.time());
        let waited = lap.waited >= TICK;
        if !waited {
            self.used += lap.ran;
        }
        waited
    }

    /// The epoch has passed. Says whether the guest may go on, which it does in another poll.
    pub(crate) fn tick(&mut self) -> bool {
        self.enter_host();
        self.clock.is_exact.store(true, Ordering::Relaxed);
        !self.is_spent()
    }

    /// No export is running any more: says what was used up.
    pub(crate) fn finish(&mut self) -> Duration {
        let lap = self.lap(self.clock.time_so_far(0));
        self.used += lap.ran;
        self.used
    }

    /// Whether nothing is left.
    pub(crate) fn is_spent(&self) -> bool {
        self.used >= self.budget
    }

    /// What passed since the last look.
    fn lap(&mut self, now: Time) -> Time {
        let then = std::mem::replace(&mut self.looked, now);
        let (ran, waited) = (now.ran.saturating_sub(then.ran), now.waited.saturating_sub(then.waited));
        // More than a tick by the wall clock: the thread was not scheduled.
        let ran = if self.clock.is_exact() { ran } else { ran.min(TICK) };
        Time { ran, waited }
    }
}

impl Clock {
    /// Has an export run to its end.
    pub(crate) async fn of<T>(&self, export: impl Future<Output = T>) -> T {
        let mut export = pin!(export);
        let mut suspended: Option<Instant> = None;
        std::future::poll_fn(move |context| {
            if let Some(since) = suspended.take() {
                self.waited.fetch_add(nanoseconds(since.elapsed()), Ordering::Relaxed);
            }
            let id = self.id();
            self.ran.fetch_sub(shown(id), Ordering::Relaxed);
            let polled = export.as_mut().poll(context);
            self.ran.fetch_add(shown(id), Ordering::Relaxed);
            suspended = matches!(polled, Poll::Pending).then(Instant::now);
            polled
        })
        .await
    }

    /// To be asked during a poll.
    fn time(&self) -> Time {
        self.time_so_far(shown(self.id()))
    }

    fn time_so_far(&self, shown: u64) -> Time {
        let ran = self.ran.load(Ordering::Relaxed).wrapping_add(shown);
        Time { ran: Duration::from_nanos(ran), waited: Duration::from_nanos(self.waited.load(Ordering::Relaxed)) }
    }

    fn id(&self) -> ClockId {
        if self.is_exact() { ClockId::ThreadCPUTime } else { ClockId::Monotonic }
    }

    fn is_exact(&self) -> bool {
        self.is_exact.load(Ordering::Relaxed)
    }
}

/// What a clock of the system shows to this thread, in nanoseconds.
fn shown(id: ClockId) -> u64 {
    nanoseconds(Duration::try_from(clock_gettime(id)).unwrap_or_default())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Cpu {
        Cpu::new(&Limits { cpu_ms: 100, ..Limits::driver() })
    }

    fn compute(time: Duration) {
        let now = || shown(ClockId::ThreadCPUTime);
        let end = now() + nanoseconds(time);
        while now() < end {}
    }

    #[tokio::test]
    async fn work_is_charged_whoever_does_it() {
        let mut cpu = budget();
        let clock = cpu.clock();
        let work = async {
            compute(TICK);
            tokio::task::yield_now().await;
            cpu.enter_host();
            compute(TICK);
            assert!(!cpu.leave_host() && cpu.tick());
            tokio::task::yield_now().await;
            compute(TICK);
        };
        clock.of(work).await;
        let used = cpu.finish();
        assert!((TICK * 3..TICK * 5).contains(&used), "{used:?}");
        clock.of(async { compute(TICK * 7) }).await;
        assert!(cpu.finish() >= TICK * 10 && cpu.is_spent());
        cpu.refill();
        assert!(!cpu.is_spent());
    }

    #[tokio::test]
    async fn waiting_is_free_and_so_is_what_is_done_beside_it() {
        let mut cpu = budget();
        let clock = cpu.clock();
        let call = async {
            cpu.enter_host();
            tokio::time::sleep(TICK * 2).await;
            compute(TICK * 20);
            assert!(cpu.leave_host() && cpu.tick());
        };
        clock.of(call).await;
        assert!(cpu.finish() < TICK);
    }

    #[tokio::test]
    async fn a_thread_that_is_not_scheduled_uses_little() {
        let mut cpu = budget();
        let clock = cpu.clock();
        let held = async {
            for _ in 0..3 {
                std::thread::sleep(TICK * 5);
                assert!(cpu.tick());
                tokio::task::yield_now().await;
            }
        };
        clock.of(held).await;
        assert!(cpu.finish() < TICK * 2);
    }
}
