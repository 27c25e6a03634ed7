//! Work that blocks its thread: files, and keys that are slow to decrypt on purpose.

use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Phase};
use tokio::task::spawn_blocking;

/// Begins it at once, where it holds nobody up; it ends also if nobody waits for it any more. Errors: `internal`, if it
/// panics.
pub(crate) fn blocking<T: Send + 'static>(
    phase: Phase,
    work: impl FnOnce() -> T + Send + 'static,
) -> BoxFuture<'static, Result<T, Failure>> {
    let working = spawn_blocking(work);
    async move {
        working.await.map_err(|error| {
            let message = "The daemon failed while it used its own files: an operator finds the reason in its log.";
            Failure::new(ErrorKind::Internal, phase, message).with_detail(error)
        })
    }
    .boxed()
}
