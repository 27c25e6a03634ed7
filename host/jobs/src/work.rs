//! What is to be done for a job.

use crate::needs::Needs;
use futures::future::BoxFuture;
use hostler_model::{Failure, Outcome};
use hostler_plugins::Witness;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is to be done for a job, and what it takes. Dropping it drops the job's secrets.
pub(crate) struct Work {
    pub(crate) needs: Needs,
    pub(crate) task: Task,
}

/// What is to be done.
pub(crate) enum Task {
    /// It was allowed when the job came.
    Ready(Run),
    /// It is judged, by the plugins in service then, when its turn comes.
    Kept(Prepare),
}

/// Carries a job out.
pub(crate) type Run = Box<dyn FnOnce(Arc<dyn Witness>, CancellationToken) -> BoxFuture<'static, Outcome> + Send>;
/// Has a job validated and judged.
pub(crate) type Prepare = Box<dyn FnOnce() -> BoxFuture<'static, Result<Run, Failure>> + Send>;
