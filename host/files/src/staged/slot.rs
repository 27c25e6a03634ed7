//! Room for a file that is not there yet.

use super::{ABOUT, CONTENT, PART, Staged, StagedFile, unusable};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use hostler_model::{ErrorKind, Failure, Phase};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

/// Bytes that are hashed at once.
const BLOCK: usize = 1 << 20;

/// Room for a file that is not there yet. If it is dropped before the file is, nothing is left.
pub struct Slot {
    name: String,
    owner: String,
    once: bool,
    part: TempDir,
    claim: Claim,
}

/// Bytes that a file takes until it is there.
struct Claim {
    staged: Arc<Staged>,
    bytes: u64,
}

impl Slot {
    pub(super) fn new(staged: Arc<Staged>, name: String, owner: String, once: bool) -> Result<Self, Failure> {
        let private = Permissions::from_mode(0o700);
        let part = tempfile::Builder::new().prefix(PART).permissions(private).tempdir_in(&staged.folder);
        let part = part.map_err(|error| unusable(&error))?;
        Ok(Self { name, owner, once, part, claim: Claim { staged, bytes: 0 } })
    }

    /// What the client will know the file by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that the file is to be written in, and what it is to be called there. Blocks.
    pub fn folder(&self) -> Result<(Dir, PathBuf), Failure> {
        let folder = Dir::open_ambient_dir(self.part.path(), ambient_authority());
        Ok((folder.map_err(|error| unusable(&error))?, CONTENT.into()))
    }

    /// The content, which must not be there yet. Blocks.
    pub(super) fn create(&self) -> Result<File, Failure> {
        let create = || {
            let content = private_file(&self.part.path().join(CONTENT))?;
            // What it is uploaded to gets that too. Here its folder lets nobody else in.
            content.set_permissions(Permissions::from_mode(0o644))?;
            Ok(content)
        };
        create().map_err(|error: io::Error| unusable(&error))
    }

    /// Takes room for so many bytes in all, before they are written. Blocks.
    pub fn claim(&mut self, bytes: u64) -> Result<(), Failure> {
        self.claim.extend(bytes.saturating_sub(self.claim.bytes))
    }

    /// Takes room for so many bytes more. Blocks.
    pub(super) fn extend(&mut self, bytes: u64) -> Result<(), Failure> {
        self.claim.extend(bytes)
    }

    /// The file is whole, as somebody wrote it into the folder. Blocks.
    pub fn finish(mut self) -> Result<StagedFile, Failure> {
        let path = self.part.path().join(CONTENT);
        let measure = || {
            let (mut content, mut hash) = (File::open(&path)?, Sha256::new());
            let (mut block, mut size) = (vec![0; BLOCK], 0);
            loop {
                match content.read(&mut block)? {
                    0 => return io::Result::Ok((size, hash)),
                    bytes => {
                        hash.update(&block[..bytes]);
                        size += bytes as u64;
                    }
                }
            }
        };
        let (size, hash) = measure().map_err(|error| unusable(&error))?;
        self.claim(size)?;
        self.keep(size, hash)
    }

    /// The same, where size and hash are known.
    pub(super) fn keep(self, size: u64, hash: Sha256) -> Result<StagedFile, Failure> {
        let Self { name, owner, once, mut part, claim } = self;
        let created_at = Timestamp::now();
        let sha256 = hash.finalize().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes everything");
            text
        });
        let about = StagedFile {
            id: Uuid::now_v7(),
            name,
            owner,
            once,
            size,
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
