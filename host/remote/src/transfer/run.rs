//! The task behind a transfer. It owns all that is open and half done until it is over, so that whoever gives up leaves
//! nothing behind.

use super::compare::Pair;
use super::source::unreadable;
use super::walk::{attributes, inside};
use super::work::{Work, late};
use super::{LocalPath, Overseer, Transfer};
use crate::blocking::blocking;
use crate::connection::Line;
use crate::sftp::Client;
use crate::{Attributes, FileKind};
use futures::FutureExt;
use hostler_model::{Direction, ErrorKind, Failure, Moved, Phase};
use std::slice;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

/// Time for the server to clean up after a transfer that was given up. The end of a session waits a little longer.
const FAREWELL: Duration = Duration::from_secs(5);

impl Line {
    /// Moves what is asked for, until `deadline`. Dropping the future stops it.
    pub(crate) async fn transfer(
        self: &Arc<Self>,
        client: Client,
        transfer: Transfer,
        overseer: Arc<dyn Overseer>,
        deadline: Instant,
    ) -> Result<Moved, Failure> {
        let (done, answer) = oneshot::channel();
        let work = Work::new(client, self.clone(), transfer, overseer, deadline);
        self.spawn(carry(work, done));
        answer.await.unwrap_or_else(|_| Err(self.notes.lost(Phase::Transfer)))
    }
}

async fn carry(work: Work, mut done: oneshot::Sender<Result<Moved, Failure>>) {
    let outcome = tokio::select! {
        outcome = timeout_at(work.deadline, work.run()) => outcome.unwrap_or_else(|_| Err(late(&work))),
        () = work.line.closing.cancelled() => {
            let message = "The session is closed: connect again.";
            Err(Failure::new(ErrorKind::InvalidRequest, Phase::Transfer, message))
        }
        () = done.closed() => {
            let _cleaned_up = timeout(FAREWELL, work.left()).await;
            return;
        }
    };
    let _cleaned_up = timeout(FAREWELL, work.left()).await;
    work.meter.finish(&work.transfer.remote);
    let _asker_gone = done.send(outcome);
}

impl Work {
    async fn run(&self) -> Result<Moved, Failure> {
        let Transfer { direction, local, remote, recursive, .. } = &self.transfer;
        let source = match direction {
            Direction::Upload => self.look_here().await?,
            Direction::Download => self.look_there(remote).await?,
        };
        if source.kind == FileKind::Folder && *recursive {
            return match direction {
                Direction::Upload => self.upload_tree().boxed().await,
                Direction::Download => self.download_tree(source).boxed().await,
            };
        }
        let pair = Pair { local: local.path.clone(), remote: remote.clone(), source };
        let same = match pair.source.kind {
            FileKind::File => self.same(slice::from_ref(&pair)).await?.pop().flatten(),
            _ => None,
        };
        let file = match (same, direction) {
            (Some(same), _) => self.leave_alone(&pair, same).await?,
            (None, Direction::Upload) => self.upload_file(&local.path, remote).await?,
            (None, Direction::Download) => self.download_file(remote, &local.path, Some(&pair.source)).await?,
        };
        Ok(Moved {
            files: u64::from(!file.skipped),
            skipped: u64::from(file.skipped),
            bytes: file.bytes,
            total: file.total,
            resumed: file.resumed,
            restarted: file.restarted,
            atomic: file.atomic,
            hash: file.hash,
            warnings: file.warnings,
            ..self.moved()
        })
    }

    /// What is known of the daemon's side.
    async fn look_here(&self) -> Result<Attributes, Failure> {
        let LocalPath { root, path, shown } = &self.transfer.local;
        let (root, path) = (root.clone(), path.clone());
        let seen = blocking(Phase::Transfer, move || root.metadata(inside(&path))).await?;
        Ok(attributes(&seen.map_err(|error| unreadable(shown, &error))?))
    }
}
