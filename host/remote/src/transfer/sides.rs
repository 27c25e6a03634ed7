//! Comparing what an earlier transfer left with what is to be there, across the link.

use super::hash::{hash_by_server, local_hash};
use super::reading::Reading;
use super::resume::{Comparison, Left};
use super::source::Source;
use super::work::Work;
use crate::blocking::blocking;
use crate::sftp::{FileAttributes, OpenFlags};
use futures::future::try_join;
use hostler_model::{Failure, HashAlgorithm, Phase};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Both sides of one file.
pub(super) struct Sides<'a> {
    pub(super) work: &'a Work,
    /// Bytes of the source.
    pub(super) source: u64,
    pub(super) part: Option<Pair<'a>>,
    pub(super) target: Option<Pair<'a>>,
}

/// What was left on one side, and what it is compared with on the other.
pub(super) struct Pair<'a> {
    /// Bytes of what was left.
    pub(super) size: u64,
    pub(super) local: &'a Path,
    pub(super) remote: &'a str,
}

impl Sides<'_> {
    fn pair(&self, left: Left) -> Option<&Pair<'_>> {
        match left {
            Left::Part => self.part.as_ref(),
            Left::Target => self.target.as_ref(),
        }
    }
}

impl Comparison for Sides<'_> {
    fn source(&self) -> u64 {
        self.source
    }

    fn size(&self, left: Left) -> Option<u64> {
        self.pair(left).map(|pair| pair.size)
    }

    async fn same_hash(&self, left: Left, prefix: u64) -> Result<Option<bool>, Failure> {
        let Some(Pair { local, remote, .. }) = self.pair(left) else { return Ok(Some(false)) };
        let algorithm = HashAlgorithm::Sha256;
        let root = &self.work.transfer.local.root;
        let there = hash_by_server(self.work, remote, Some(prefix), algorithm);
        let (there, here) = try_join(there, local_hash(root, local, Some(prefix), algorithm)).await?;
        Ok(there.map(|there| there == here))
    }

    async fn same_bytes(&self, left: Left, range: Range<u64>) -> Result<bool, Failure> {
        let Some(Pair { local, remote, .. }) = self.pair(left) else { return Ok(false) };
        let work = self.work;
        let here = Source::open(work.transfer.local.root.clone(), local, &work.shown(local)).await?;
        let opening = work.client.open_file(remote.as_bytes(), OpenFlags::READ, &FileAttributes::default());
        let there = Arc::new(opening.await.map_err(|error| work.refused(remote, error))?);
        let mut at = range.start;
        let mut reading = Reading::new(work, remote, there, range.clone());
        while let Some(piece) = reading.next().await? {
            let (here, end) = (here.clone(), at + piece.len() as u64);
            let same = blocking(Phase::Transfer, move || here.read(at..end).map(|here| here == piece)).await;
            if !same?? {
                return Ok(false);
            }
            at = end;
        }
        Ok(at == range.end)
    }
}
