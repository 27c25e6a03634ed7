//! What all the files of one transfer share.

use super::progress::Meter;
use super::{Overseer, Step, Transfer};
use crate::connection::Line;
use crate::sftp::{self, Client, FileAttributes, Reply};
use crate::{Attributes, FileKind};
use hostler_model::{ErrorKind, Failure, Hash, Moved, Phase};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Content that may be on its way at once, of all files together, in bytes.
pub(super) const FLIGHT: usize = 16 << 20;

/// Commands at once. OpenSSH takes ten on a connection, with all that others do there.
const COMMANDS: usize = 4;

/// The smallest request that is worth its frame, in bytes.
const SMALLEST: u32 = 4 << 10;

/// Bytes from which on it is worth asking how much room there is: less than that is as quickly written.
pub(super) const WORTH_CHECKING: u64 = 1 << 20;

/// A transfer that is going on. Files borrow it, many at once.
pub(super) struct Work {
    pub(super) client: Client,
    pub(super) line: Arc<Line>,
    pub(super) transfer: Transfer,
    pub(super) overseer: Arc<dyn Overseer>,
    pub(super) meter: Meter,
    /// When all of it must be over.
    pub(super) deadline: Instant,
    /// Room for content on its way: one permit a byte.
    pub(super) flight: Arc<Semaphore>,
    /// Turns for commands on the server, beside what moves.
    pub(super) commands: Semaphore,
    /// What was sent to clean up after files that were given up, and has no answer yet.
    farewells: Mutex<Vec<Reply<()>>>,
}

/// What became of one file. All sizes are bytes of content.
#[derive(Debug, Default)]
pub(super) struct OneFile {
    /// What was sent for it.
    pub(super) bytes: u64,
    /// The whole content.
    pub(super) total: u64,
    /// What an earlier transfer had left and that proved to be the same.
    pub(super) resumed: u64,
    /// Why what an earlier transfer had left was not continued.
    pub(super) restarted: Option<String>,
    /// It was the same already, so that nothing was done.
    pub(super) skipped: bool,
    /// Whether the target changed at once, or not at all.
    pub(super) atomic: bool,
    /// The hash by which both sides were compared afterwards.
    pub(super) hash: Option<Hash>,
    /// What the client should know besides.
    pub(super) warnings: Vec<String>,
}

impl Work {
    pub(super) fn new(
        client: Client,
        line: Arc<Line>,
        transfer: Transfer,
        overseer: Arc<dyn Overseer>,
        deadline: Instant,
    ) -> Self {
        Self {
            meter: Meter::new(overseer.clone()),
            deadline,
            flight: Arc::new(Semaphore::new(FLIGHT)),
            commands: Semaphore::new(COMMANDS),
            farewells: Mutex::default(),
            client,
            line,
            transfer,
            overseer,
        }
    }

    /// Whether a step may be taken.
    pub(super) async fn admit(&self, step: Step<'_>) -> Result<(), Failure> {
        self.overseer.admit(step).await
    }

    /// Content of one request at most.
    pub(super) fn request_size(&self) -> u32 {
        let limits = self.client.limits();
        let most = match self.transfer.direction {
            hostler_model::Direction::Upload => limits.write,
            hostler_model::Direction::Download => limits.read,
        };
        self.transfer.request_size.max(SMALLEST).min(most)
    }

    /// A path below the root of the daemon's side, for people.
    pub(super) fn shown(&self, local: &Path) -> String {
        let asked = &self.transfer.local;
        match local.strip_prefix(&asked.path) {
            Ok(below) if below.as_os_str().is_empty() => asked.shown.clone(),
            Ok(below) => format!("{}/{}", asked.shown.trim_end_matches('/'), below.display()),
            Err(_) => local.display().to_string(),
        }
    }

    /// Whether a path of the server is one of something in the folder that is moved, where no link is followed.
    pub(super) fn is_below(&self, remote: &str) -> bool {
        remote != self.transfer.remote
    }

    /// What the server said no with, or how the talk with it ended.
    pub(super) fn refused(&self, path: &str, error: sftp::Error) -> Failure {
        match error {
            sftp::Error::Status(status) => sftp::refusal(&self.line.user, path, &status),
            sftp::Error::Broken(mut failure) => {
                failure.message = format!("{} It happened while `{path}` was moved.", failure.message);
                failure
            }
        }
    }

    /// The answer to something that cleans up comes later, if it comes.
    pub(super) fn leave(&self, farewell: Reply<()>) {
        self.farewells.lock().unwrap_or_else(PoisonError::into_inner).push(farewell);
    }

    /// Waits until the server has cleaned up, or cannot.
    pub(super) async fn left(&self) {
        let farewells = std::mem::take(&mut *self.farewells.lock().unwrap_or_else(PoisonError::into_inner));
        futures::future::join_all(farewells).await;
    }

    /// A transfer that has moved nothing yet.
    pub(super) fn moved(&self) -> Moved {
        Moved {
            direction: self.transfer.direction,
            local_path: self.transfer.local.shown.clone(),
            remote_path: self.transfer.remote.clone(),
            files: 0,
            skipped: 0,
            failed: 0,
            bytes: 0,
            total: 0,
            resumed: 0,
            restarted: None,
            atomic: true,
            request_size: self.request_size(),
            hash: None,
            failures: Vec::new(),
            staged: None,
            warnings: Vec::new(),
        }
    }
}

/// The time was up before there was a way to move anything.
pub(crate) fn not_begun(transfer: &Transfer) -> Failure {
    let (remote, seconds) = (&transfer.remote, transfer.timeout.as_secs_f64());
    let message = format!("The server did not open the way to `{remote}` within {seconds} seconds: raise `timeout`.");
    Failure::new(ErrorKind::Timeout, Phase::Transfer, message)
}

/// The time is up.
pub(super) fn late(Work { meter, transfer, .. }: &Work) -> Failure {
    let message = format!(
        "{} of {} bytes of `{}` had been moved when its {} seconds were over: raise `timeout`, or set `resume` and go on.",
        meter.bytes(),
        meter.total(),
        transfer.remote,
        transfer.timeout.as_secs_f64()
    );
    Failure::new(ErrorKind::Timeout, Phase::Transfer, message)
}

/// A file is wanted.
pub(super) fn is_folder(path: &str) -> Failure {
    failed(format!("`{path}` is a folder: name a file, or set `recursive`."))
}

/// Nothing may be replaced.
pub(super) fn exists(path: &str) -> Failure {
    failed(format!("`{path}` exists already: set `overwrite` to replace it, or name another."))
}

/// A failure of a transfer.
pub(super) fn failed(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::TransferFailed, Phase::Transfer, message)
}

/// What went wrong while a target itself was written.
pub(super) fn spoilt(mut failure: Failure, path: &str) -> Failure {
    failure.message = format!("{} `{path}` itself was being written, so it may hold a part now.", failure.message);
    failure
}

/// A mode that nobody asked for does not bring anybody's rights along (set-user-ID, inode(7)).
pub(super) fn harmless(mode: u32) -> u32 {
    mode & 0o1777
}

/// What is known of a file, taken for a regular one where the server does not tell: version 3 knows sorts by the mode only,
/// which some servers leave out.
pub(super) fn presumed(seen: FileAttributes) -> Attributes {
    let untold = seen.mode.is_none_or(|mode| mode >> 12 == 0);
    let known = Attributes::from(seen);
    Attributes { kind: if untold { FileKind::File } else { known.kind }, ..known }
}

/// Whether it is a pipe (inode(7)).
pub(super) fn is_pipe(seen: &FileAttributes) -> bool {
    seen.mode.is_some_and(|mode| mode >> 12 == 0o1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_tell_its_sort_is_taken_for_a_file() {
        let kind = |mode| presumed(FileAttributes { mode, ..FileAttributes::default() }).kind;
        let modes = [None, Some(0o644), Some(0o100_644), Some(0o040_755), Some(0o120_777), Some(0o010_644)];
        let kinds = [FileKind::File, FileKind::File, FileKind::File, FileKind::Folder, FileKind::Link, FileKind::Other];
        assert_eq!(modes.map(kind), kinds);
    }
}
