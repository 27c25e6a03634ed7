//! Comparing both sides after a transfer.

use super::hash::{local_hash, remote_hash};
use super::work::{Work, failed};
use futures::future::try_join;
use hostler_model::{Failure, Hash};
use std::path::Path;

/// What the comparison showed.
pub(super) enum Verdict {
    /// It was not asked for.
    NotAsked,
    /// Both sides have this hash.
    Same(Hash),
    /// They have not the same.
    Differs,
}

impl Work {
    /// Compares the hashes of both sides, if that is asked: of so many bytes, or of all where that is not known.
    pub(super) async fn verify(&self, local: &Path, remote: &str, size: Option<u64>) -> Result<Verdict, Failure> {
        let Some(algorithm) = self.transfer.verify else { return Ok(Verdict::NotAsked) };
        let here = local_hash(&self.transfer.local.root, local, None, algorithm);
        let (here, there) = try_join(here, remote_hash(self, remote, size, algorithm)).await?;
        Ok(if here == there { Verdict::Same(Hash { algorithm, hex: here }) } else { Verdict::Differs })
    }
}

impl Verdict {
    /// The hash of `path`, if there is one.
    pub(super) fn hash(self, path: &str) -> Result<Option<Hash>, Failure> {
        match self {
            Self::NotAsked => Ok(None),
            Self::Same(hash) => Ok(Some(hash)),
            Self::Differs => Err(failed(format!(
                "`{path}` differs from its source after the transfer: try again when nobody writes to either."
            ))),
        }
    }
}
