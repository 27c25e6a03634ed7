//! The answer to a request that is on its way.

use super::error::Error;
use super::failure::nonsense;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// What a request will give. Dropping it discards the answer, not the request.
#[must_use = "it holds the answer; drop it on purpose if that does not matter"]
pub(crate) struct Reply<T>(pub(super) oneshot::Receiver<Result<T, Error>>);

impl<T> Future for Reply<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // What came was no answer to this.
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(cx)).unwrap_or_else(|_| Err(Error::Broken(nonsense()))))
    }
}
