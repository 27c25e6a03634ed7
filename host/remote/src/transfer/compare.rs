//! Which files are the same on both sides already, so that they are left alone.

use super::hash::{local_hash, read_back, remote_hashes};
use super::tree::ends_all;
use super::walk::attributes;
use super::work::{OneFile, Work};
use crate::blocking::blocking;
use crate::{Attributes, Compare, FileKind, Step};
use futures::future::try_join_all;
use hostler_model::{Direction, Failure, Hash, HashAlgorithm, Phase};
use std::collections::HashMap;
use std::path::PathBuf;

/// Files of the server that are looked at at once.
const LOOKS: usize = 64;

/// Files that are hashed here at once.
const HASHES: usize = 4;

/// A file on both sides.
pub(super) struct Pair {
    /// Below the root of the daemon's side.
    pub(super) local: PathBuf,
    pub(super) remote: String,
    /// What the walk told of the side that it comes from.
    pub(super) source: Attributes,
}

/// What is there of a file that is the same already.
pub(super) struct Same {
    mode: Option<u32>,
    /// The hash of both sides, if they were compared by one.
    hash: Option<Hash>,
}

impl Work {
    /// Which of these files the transfer leaves alone. What may not be looked at is no such file.
    pub(super) async fn same(&self, pairs: &[Pair]) -> Result<Vec<Option<Same>>, Failure> {
        if self.transfer.compare == Compare::Never {
            return Ok(pairs.iter().map(|_| None).collect());
        }
        let mut same = Vec::with_capacity(pairs.len());
        for some in pairs.chunks(LOOKS) {
            same.extend(try_join_all(some.iter().map(|pair| self.looks_same(pair))).await?);
        }
        if let Some(algorithm) = self.hash_to_compare() {
            let mut alike: Vec<_> = pairs.iter().zip(&mut same).filter(|(_, same)| same.is_some()).collect();
            let paths: Vec<_> = alike.iter().map(|(pair, _)| pair.remote.as_str()).collect();
            let told = remote_hashes(self, &paths, algorithm).await?;
            for some in alike.chunks_mut(HASHES) {
                let comparing = some.iter().map(|(pair, _)| self.same_hash(pair, &told, algorithm));
                let compared = try_join_all(comparing).await?;
                for ((_, same), hash) in some.iter_mut().zip(compared) {
                    let seen = same.take();
                    **same = seen.zip(hash).map(|(same, hash)| Same { hash: Some(hash), ..same });
                }
            }
        }
        Ok(same)
    }

    /// Gives a file that is the same already what else is asked for it.
    pub(super) async fn leave_alone(&self, pair: &Pair, same: Same) -> Result<OneFile, Failure> {
        match self.transfer.direction {
            Direction::Upload => self.set_mode_there(&pair.remote, same.mode).await?,
            Direction::Download => self.set_mode_here(&pair.local, same.mode).await?,
        }
        let total = pair.source.size.unwrap_or_default();
        let hash = same.hash.filter(|_| self.transfer.verify.is_some());
        Ok(OneFile { total, skipped: true, atomic: true, hash, ..OneFile::default() })
    }

    /// The hash by which files are compared, if they are. What is to be verified in the end is, at once.
    fn hash_to_compare(&self) -> Option<HashAlgorithm> {
        match self.transfer.compare {
            Compare::Hash(algorithm) => Some(self.transfer.verify.unwrap_or(algorithm)),
            Compare::SizeAndTime => self.transfer.verify,
            Compare::Never => None,
        }
    }

    /// What is there of a file that may be the same, by what is known about both sides of it.
    async fn looks_same(&self, pair: &Pair) -> Result<Option<Same>, Failure> {
        let target = match self.transfer.direction {
            Direction::Upload => self.target_there(pair).await?,
            Direction::Download => self.target_here(pair).await?,
        };
        let Some(target) = target.filter(|target| target.kind == FileKind::File) else { return Ok(None) };
        let source = &pair.source;
        let as_new = self.transfer.compare != Compare::SizeAndTime || target.modified == source.modified;
        let same = as_new && target.size.is_some() && target.size == source.size;
        Ok(same.then_some(Same { mode: target.mode, hash: None }))
    }

    async fn target_there(&self, pair: &Pair) -> Result<Option<Attributes>, Failure> {
        if !self.may_see(pair).await? {
            return Ok(None);
        }
        let path = pair.remote.as_bytes();
        let looking = if self.is_below(&pair.remote) { self.client.lstat(path) } else { self.client.stat(path) };
        match looking.await.map_err(|error| self.refused(&pair.remote, error)) {
            Ok(target) => Ok(Some(target.into())),
            Err(failure) if ends_all(&failure) => Err(failure),
            Err(_) => Ok(None),
        }
    }

    async fn target_here(&self, pair: &Pair) -> Result<Option<Attributes>, Failure> {
        let (root, path) = (self.transfer.local.root.clone(), pair.local.clone());
        let target = blocking(Phase::Transfer, move || Some(attributes(&root.symlink_metadata(path).ok()?)));
        let target = target.await?;
        // By its hash the server's file is read.
        let reads = target.is_some() && self.hash_to_compare().is_some();
        Ok(if reads && !self.may_see(pair).await? { None } else { target })
    }

    /// Whether the file may be moved, and so be looked at.
    async fn may_see(&self, pair: &Pair) -> Result<bool, Failure> {
        let (remote, local, size) = (pair.remote.as_str(), &*self.shown(&pair.local), pair.source.size);
        let admitted = self.admit(match self.transfer.direction {
            Direction::Upload => Step::Write { remote, local, size: size.unwrap_or_default() },
            Direction::Download => Step::Read { remote, local, size },
        });
        match admitted.await {
            Err(failure) if ends_all(&failure) => Err(failure),
            admitted => Ok(admitted.is_ok()),
        }
    }

    async fn same_hash(
        &self,
        pair: &Pair,
        told: &HashMap<&str, String>,
        algorithm: HashAlgorithm,
    ) -> Result<Option<Hash>, Failure> {
        match self.hashes(pair, told, algorithm).await {
            Ok((here, there)) => Ok((here == there).then_some(Hash { algorithm, hex: here })),
            Err(failure) if ends_all(&failure) => Err(failure),
            // Whatever it is, moving it will show.
            Err(_) => Ok(None),
        }
    }

    async fn hashes(
        &self,
        pair: &Pair,
        told: &HashMap<&str, String>,
        algorithm: HashAlgorithm,
    ) -> Result<(String, String), Failure> {
        let there = match told.get(pair.remote.as_str()) {
            Some(hash) => hash.clone(),
            None => read_back(self, &pair.remote, algorithm).await?,
        };
        Ok((local_hash(&self.transfer.local.root, &pair.local, None, algorithm).await?, there))
    }
}
