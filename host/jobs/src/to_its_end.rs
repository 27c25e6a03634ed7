//! Work that goes on without whoever asked for it.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// Carries `work` to its end even if the caller goes away: what is left of it then becomes a task. It is not
/// one from the start, because that would cost a change of threads each time.
pub fn to_its_end<W>(work: W) -> impl Future<Output = W::Output> + Send
where
    W: Future<Output: Send> + Send + 'static,
{
    Rest(Some(Box::pin(work)))
}

/// What is left of it. Absent while it is polled, so that work that panics is not tried again.
struct Rest<W: Future<Output: Send> + Send + 'static>(Option<Pin<Box<W>>>);

impl<W: Future<Output: Send> + Send + 'static> Future for Rest<W> {
    type Output = W::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::Output> {
        let mut work = self.0.take().expect("nobody polls what is done");
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<W: Future<Output: Send> + Send + 'static> Drop for Rest<W> {
    fn drop(&mut self) {
        // Without a runtime the daemon has ended.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}
