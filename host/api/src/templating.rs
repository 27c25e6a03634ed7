//! Where templates are used: in threads of their own, few at once, because they compute.

use hostler_model::{ErrorKind, Failure, Phase};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many are used at once.
const AT_ONCE: usize = 2;

/// A place for templates. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Templating(Arc<Semaphore>);

impl Default for Templating {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Templating {
    /// Does what computes, once there is room.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let room = Arc::clone(&self.0).acquire_owned().await.expect("nobody closes it");
        let work = move || {
            let _room = room;
            work()
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            let message = "The daemon failed at a template; its log says where.";
            Err(Failure::new(ErrorKind::Internal, Phase::Validate, message).with_detail(error))
        })
    }
}
