//! Threads for what moves much, so that it stands behind everything else the daemon does.

use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Phase};
use std::io;
use std::thread::available_parallelism;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// How much less than other threads these get where not all can run (nice(2)): about a tenth.
const NICE: i32 = 10;

/// A runtime with threads that give way.
pub(crate) struct Background {
    handle: Handle,
    /// Taken only at the end.
    runtime: Option<Runtime>,
}

impl Background {
    /// Errors: no threads.
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(available_parallelism()?.get())
            .thread_name("hostler-bulk")
            // On Linux this is about the calling thread. One that cannot give way works all the same.
            .on_thread_start(|| {
                let _given_way = rustix::process::nice(NICE);
            })
            .enable_all()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Has `work` done there, with all that it starts. Dropping the future gives it up.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Failure>> {
        let task = AbortOnDropHandle::new(self.handle.spawn(work));
        async move {
            task.await.unwrap_or_else(|error| {
                let message = "The daemon ended, or failed: an operator finds the reason in its log.";
                Err(Failure::new(ErrorKind::Internal, Phase::Connect, message).with_detail(error))
            })
        }
        .boxed()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its threads is not allowed where this may happen.
            runtime.shutdown_background();
        }
    }
}
