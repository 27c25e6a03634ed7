//! The task behind a transfer. It owns all that is open and half done until it is over, so that whoever gives up leaves
//! nothing behind.

use super::source::{blocking, unreadable};
use super::hash::{local_hash, remote_hash};
use super::work::{OneFile, Work, late};
use super::{Compare, Overseer, Transfer};
use crate::connection::Line;
use crate::sftp::Client;
use crate::{Attributes, FileKind};
use cap_std::fs::{Metadata, MetadataExt};
use futures::future::try_join;
use hostler_model::{Direction, ErrorKind, Failure, Moved, Phase};
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
        self.pumps.spawn(carry(work, done));
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
        let file = match direction {
            Direction::Upload => {
                let (root, path) = (local.root.clone(), local.path.clone());
                let metadata = blocking(move || root.metadata(path)).await;
                let metadata = metadata.map_err(|error| unreadable(&local.shown, &error))?;
                if metadata.is_dir() && *recursive {
                    return self.upload_tree().await;
                }
                match self.same_as_server(&metadata).await? {
                    true => unchanged(metadata.len()),
                    false => self.upload_file(&local.path, remote).await?,
                }
            }
            Direction::Download => {
                let known = self.look_at(remote).await?;
                if known.kind == FileKind::Folder && *recursive {
                    return self.download_tree(known).await;
                }
                match self.same_as_daemon(&known).await? {
                    true => unchanged(known.size.unwrap_or_default()),
                    false => self.download_file(remote, &local.path, Some(&known)).await?,
                }
            }
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

    /// Whether the server has the file already, as far as that is to be found out.
    async fn same_as_server(&self, here: &Metadata) -> Result<bool, Failure> {
        if self.transfer.compare == Compare::Never || !here.is_file() {
            return Ok(false);
        }
        match self.look_at(&self.transfer.remote).await {
            Ok(there) => self.same(here, &there).await,
            Err(missing) if missing.kind == ErrorKind::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Whether the daemon has the file already, as far as that is to be found out.
    async fn same_as_daemon(&self, there: &Attributes) -> Result<bool, Failure> {
        if self.transfer.compare == Compare::Never || there.kind != FileKind::File {
            return Ok(false);
        }
        let (root, path) = (self.transfer.local.root.clone(), self.transfer.local.path.clone());
        match blocking(move || root.metadata(path)).await {
            Ok(here) if here.is_file() => self.same(&here, there).await,
            // What is wrong with it is told where it is opened.
            _ => Ok(false),
        }
    }

    async fn same(&self, here: &Metadata, there: &Attributes) -> Result<bool, Failure> {
        let Transfer { local, remote, compare, .. } = &self.transfer;
        if there.kind != FileKind::File || there.size != Some(here.len()) {
            return Ok(false);
        }
        match *compare {
            Compare::Never => Ok(false),
            Compare::SizeAndTime => Ok(there.modified.map(i64::from) == Some(here.mtime())),
            Compare::Hash(algorithm) => {
                let here = local_hash(&local.root, &local.path, None, algorithm);
                let (here, there) = try_join(here, remote_hash(self, remote, None, algorithm)).await?;
                Ok(here == there)
            }
        }
    }
}

fn unchanged(size: u64) -> OneFile {
    OneFile { total: size, skipped: true, atomic: true, ..OneFile::default() }
}
