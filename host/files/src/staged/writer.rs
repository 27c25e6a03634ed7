//! A file that is being taken in.

use super::{ABOUT, CONTENT, PART, Staged, StagedFile, unusable};
use hostler_model::{ErrorKind, Failure, Phase};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

/// A file that is being taken in. If it is dropped before it is finished, nothing is left.
pub struct Writer {
    name: String,
    content: File,
    hash: Sha256,
    part: TempDir,
    claim: Claim,
}

/// Room that a file takes until it is finished.
struct Claim {
    staged: Arc<Staged>,
    bytes: u64,
}

impl Writer {
    pub(super) fn new(staged: Arc<Staged>, name: String) -> Result<Self, Failure> {
        let begin = || {
            let private = Permissions::from_mode(0o700);
            let part = tempfile::Builder::new().prefix(PART).permissions(private).tempdir_in(&staged.folder)?;
            let content = private_file(&part.path().join(CONTENT))?;
            Ok((part, content))
        };
        let (part, content) = begin().map_err(|error: io::Error| unusable(&error))?;
        Ok(Self { name, content, hash: Sha256::new(), part, claim: Claim { staged, bytes: 0 } })
    }

    /// Adds content. After an error nothing is left. Blocks.
    pub fn write(mut self, content: &[u8]) -> Result<Self, Failure> {
        self.claim.extend(content.len() as u64)?;
        self.hash.update(content);
        self.content.write_all(content).map_err(|error| unusable(&error))?;
        Ok(self)
    }

    /// The file is whole, and can be fetched from now on. Blocks.
    pub fn finish(self) -> Result<StagedFile, Failure> {
        let Self { name, content: _, hash, mut part, claim } = self;
        let created_at = Timestamp::now();
        let sha256 = hash.finalize().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes everything");
            text
        });
        let about = StagedFile {
            id: Uuid::now_v7(),
            name,
            size: claim.bytes,
            sha256,
            created_at,
            expires_at: created_at.saturating_add(claim.staged.max_age).unwrap_or(Timestamp::MAX),
        };
        let keep = || {
            private_file(&part.path().join(ABOUT))?.write_all(&serde_json::to_vec(&about)?)?;
            fs::rename(part.path(), claim.staged.path(about.id))
        };
        keep().map_err(|error| unusable(&error))?;
        part.disable_cleanup(true);
        claim.keep(about.clone());
        Ok(about)
    }
}

impl Claim {
    fn extend(&mut self, bytes: u64) -> Result<(), Failure> {
        let max_size = self.staged.max_size;
        if self.bytes.saturating_add(bytes) > max_size {
            let message = format!("a staged file has {max_size} bytes at most (`files.staged_max_size`): send less");
            return Err(Failure::new(ErrorKind::Limit, Phase::Transfer, message));
        }
        let gone = self.staged.shelf().claim(bytes).ok_or_else(|| {
            let message = "files that are being sent take all the room for staged files now: send this one later";
            Failure::new(ErrorKind::Busy, Phase::Transfer, message)
        })?;
        self.bytes += bytes;
        self.staged.discard(gone);
        Ok(())
    }

    /// From now on the file itself takes the room.
    fn keep(mut self, about: StagedFile) {
        let gone = self.staged.shelf().complete(std::mem::take(&mut self.bytes), about);
        self.staged.discard(gone);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.staged.shelf().release(self.bytes);
    }
}

/// A new file that only the daemon's user can open.
fn private_file(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}
