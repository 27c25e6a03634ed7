//! Files that clients hand over.

use crate::Api;
use crate::error::Error;
use axum::body::Bytes;
use futures::{Stream, StreamExt};
use hostler_jobs::StagedFile;
use hostler_model::{Caller, ErrorKind, Failure};
use std::sync::Arc;
use uuid::Uuid;

/// Takes in a file, piece by piece, by the client's name for it. `once`: it comes for one job, and goes with it. If that
/// does not come to its end, nothing is left.
pub(crate) async fn take_in<E: Into<Error>>(
    api: &Api,
    caller: &Caller,
    name: &str,
    once: bool,
    mut pieces: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<StagedFile, Error> {
    let mut intake = api.backend.stage(name, once, caller).await.map_err(refused)?;
    while let Some(piece) = pieces.next().await {
        intake = intake.write(&piece.map_err(Into::into)?).await.map_err(refused)?;
    }
    intake.finish().await.map_err(refused)
}

fn refused(failure: Failure) -> Error {
    if failure.kind == ErrorKind::Limit { Error::FileTooLarge(failure.message) } else { failure.into() }
}

/// A file that came with a request, until there is a job for it. Dropped before, it goes.
pub(crate) struct Handed {
    id: Option<Uuid>,
    caller: Arc<Caller>,
    api: Api,
}

impl Handed {
    pub(crate) fn new(api: &Api, caller: &Arc<Caller>, file: &StagedFile) -> Self {
        Self { id: Some(file.id), caller: Arc::clone(caller), api: api.clone() }
    }

    /// Its name, for a submission that follows at once: whatever becomes of that sees to the file.
    pub(crate) fn into_id(mut self) -> Option<Uuid> {
        self.id.take()
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let (api, caller) = (self.api.clone(), Arc::clone(&self.caller));
        tokio::spawn(async move {
            if let Err(failure) = api.backend.unstage(id, &caller).await {
                tracing::debug!(%id, "a file that was handed over has gone already: {failure}");
            }
        });
    }
}
