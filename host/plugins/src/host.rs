//! The capabilities: one module per interface of `wit/`, each a view of the guest's own [`State`].

mod clock;
mod control;
pub(crate) mod detached;
pub(crate) mod events;
pub(crate) mod local_files;
mod random;
pub(crate) mod results;
pub(crate) mod secrets;
pub(crate) mod sftp;
pub(crate) mod shell;
pub(crate) mod ssh;
pub(crate) mod transfer;

use crate::bindings::types;
use crate::instance::State;
use crate::job::JobContext;
use hostler_model::{ErrorKind, Failure, Phase};
use std::sync::Arc;
use wasmtime::component::ResourceTableError;

impl types::Host for State {}

impl State {
    /// The job, or the error that a guest gets where no capability works.
    fn serving(&self) -> Result<Arc<JobContext>, Failure> {
        let message = "no capability works outside `execute`";
        self.job.clone().ok_or_else(|| Failure::new(ErrorKind::Denied, Phase::Plugin, message))
    }

    /// What a guest is told of a failure: cut of secrets, for it may end up in a result.
    fn tell(&self, failure: &Failure) -> types::Error {
        if let Some(detail) = &failure.detail {
            tracing::info!(plugin = &*self.terms.name, kind = %failure.kind, detail = self.scrub(detail), "capability failed");
        }
        types::Error {
            kind: failure.kind.to_string(),
            phase: failure.phase.to_string(),
            message: self.scrub(&failure.message),
        }
    }

    /// A full table of handles is the guest's doing; anything else is a bug of the host's.
    fn handle<T>(&self, pushed: Result<T, ResourceTableError>) -> wasmtime::Result<Result<T, Failure>> {
        match pushed {
            Ok(handle) => Ok(Ok(handle)),
            Err(ResourceTableError::Full) => {
                let message = format!("no more than {} handles may be open; close some", self.terms.limits.handles);
                Ok(Err(Failure::new(ErrorKind::Limit, Phase::Plugin, message)))
            }
            Err(error) => Err(error.into()),
        }
    }
}
